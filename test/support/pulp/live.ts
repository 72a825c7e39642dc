import { inject } from 'vitest';
import { packageFile } from '../rpm-fixtures.ts';
import type { PackageRecipe } from '../rpm-fixtures.ts';
import type { Requirement } from '../tools.ts';
import { control } from './control.ts';
import type { PulpAddress } from './global-setup.ts';
import { PulpRest } from './rest.ts';
import type { PulpObject } from './rest.ts';
import { add } from './seed.ts';
import type { Part } from './server.ts';

/** Of Pulp: packages, or plain files. */
type Plugin = 'rpm' | 'file';

const given = inject('pulp');

/** What a suite that runs against the real Pulp requires: for `describeWith`. */
export const livePulp: Requirement = { missing: typeof given === 'string' ? given : null };

/** The run's hub, and what its owner may do to it. Suites leave it as they found it, but for objects of their own. */
export class LivePulp {
  readonly address: PulpAddress;
  readonly rest: PulpRest;

  /** Only inside a suite that requires `livePulp`. */
  constructor() {
    if (typeof given === 'string') throw new Error(given);
    this.address = given;
    this.rest = new PulpRest({ origin: given.apiOrigin, ...given.admin });
  }

  stop(part: Part): Promise<void> {
    return control(this.address.control, 'stop', part);
  }

  start(part: Part): Promise<void> {
    return control(this.address.control, 'start', part);
  }

  /** Where a distribution of the domain `default` is served; ends with a slash. */
  contentUrl(basePath: string): string {
    return `${this.address.contentOrigin}/pulp/content/default/${basePath}/`;
  }

  /** A repository that publishes each version, signed as edge/base is, with one version of these packages. */
  async repository(name: string, packages: readonly PackageRecipe[]): Promise<PulpObject> {
    const fields = {
      name,
      autopublish: true,
      checksum_type: 'sha256',
      metadata_signing_service: this.address.seeded.signer,
    };
    const made = await this.rest.create('default:repositories/rpm/rpm/', fields);
    if (packages.length > 0) await this.publish(made.pulp_href, packages);
    return made;
  }

  /** An on_demand repository over src of the domain `vendor`, to which these packages are added before. */
  async lazyRepository(name: string, packages: readonly PackageRecipe[]): Promise<PulpObject> {
    await this.publish(this.address.seeded.repositories.source, packages);
    const url = `${this.address.contentOrigin}/pulp/content/vendor/src/`;
    const remote = await this.rest.create('default:remotes/rpm/rpm/', { name, url, policy: 'on_demand' });
    const fields = { name, autopublish: true, remote: remote.pulp_href };
    const made = await this.rest.create('default:repositories/rpm/rpm/', fields);
    await this.rest.act(`${made.pulp_href}sync/`, {});
    return made;
  }

  /** What the plugin takes of a repository somewhere else, with all its files; `sync` takes what changed there. */
  async mirror(plugin: Plugin, name: string, url: string): Promise<{ href: string; sync: () => Promise<unknown> }> {
    const remote = await this.rest.create(`default:remotes/${plugin}/${plugin}/`, { name, url, policy: 'immediate' });
    // Of plain files Pulp refuses the two together, and publishes what it mirrors by itself.
    const fields = { name, autopublish: plugin === 'rpm', remote: remote.pulp_href };
    const { pulp_href: href } = await this.rest.create(`default:repositories/${plugin}/${plugin}/`, fields);
    const how = plugin === 'rpm' ? { sync_policy: 'mirror_content_only' } : { mirror: true };
    const sync = (): Promise<unknown> => this.rest.act(`${href}sync/`, how);
    await sync();
    return { href, sync };
  }

  /** Adds packages: one new version, published when this resolves. */
  async publish(repository: string, packages: readonly PackageRecipe[]): Promise<void> {
    await add(this.rest, { pulp_href: repository }, await Promise.all(packages.map(packageFile)));
  }

  /** @param fields as Pulp's API has them; `base_path` is the name when not given. */
  distribution(name: string, fields: Readonly<Record<string, unknown>>, plugin: Plugin = 'rpm'): Promise<PulpObject> {
    return this.rest.create(`default:distributions/${plugin}/${plugin}/`, { name, base_path: name, ...fields });
  }

  /** The newest publication of a repository. */
  async publication(repository: string): Promise<PulpObject> {
    const query = `default:publications/rpm/rpm/?repository=${repository}&ordering=-pulp_created&limit=1`;
    const [newest] = await this.rest.list(query);
    if (newest === undefined) throw new Error(`${repository} has no publication`);
    return newest;
  }
}
