import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { succeed } from '../command.ts';
import { CertificateAuthority } from '../faulty-origin-certificates.ts';
import type { KeyPair } from '../faulty-origin-certificates.ts';
import { packageFile, publicKey } from '../rpm-fixtures.ts';
import type { PackageRecipe } from '../rpm-fixtures.ts';
import { environment, pythonCommand } from './recipe.ts';
import type { PulpObject, PulpRest } from './rest.ts';
import type { PulpServer } from './server.ts';

/** What was put into the hub, for suites that look at it or change it. */
export interface Seeded {
  /** Hrefs of repositories. */
  readonly repositories: { readonly base: string; readonly lazy: string; readonly source: string };
  /** Href of the service that signs metadata. */
  readonly signer: string;
  /** What edge/cert trusts. */
  readonly certificate: KeyPair & { readonly authority: string };
  /** May list, and download edge/rbac. */
  readonly reader: { readonly username: string; readonly password: string };
  /** What edge/guarded wants to see. */
  readonly header: { readonly name: string; readonly value: string };
}

const hello: PackageRecipe = { name: 'edge-hello' };
const first: readonly PackageRecipe[] = [
  hello,
  { name: 'edge-ten', bytes: 4000 },
  { name: 'edge-blob', bytes: 5_000_000 },
];
const second: readonly PackageRecipe[] = [
  { name: 'edge-hello', version: '1.1' },
  { name: 'edge-needs', requires: ['edge-hello >= 1.0'] },
];
/** In the source alone, so that edge/lazy has packages without a local file. */
const lazy: readonly PackageRecipe[] = [
  hello,
  { name: 'edge-far', bytes: 200_000 },
  { name: 'edge-away', bytes: 300_000 },
];

/**
 * Fills an empty hub through its REST API. In the domain `default`, labelled `pop=edge`: edge/base (signed metadata,
 * signed packages and one unsigned; follows its repository, version 2), edge/pinned (version 1 of the same), edge/lazy
 * (on_demand from src in the domain `vendor`), and edge/base again behind guards: edge/guarded (header), edge/rbac,
 * edge/cert (x509). src is labelled `pop=source`.
 */
export async function seed(server: PulpServer, rest: PulpRest): Promise<Seeded> {
  const folder = join(server.directory, 'seed');
  await mkdir(folder);
  const [signer, certificate] = await Promise.all([signingService(server, rest), clientCertificate()]);
  const base = await repository(rest, 'default', {
    name: 'edge-base',
    metadata_signing_service: signer,
    retain_repo_versions: 5,
  });
  await add(rest, base, [
    ...(await Promise.all(first.map(packageFile))),
    await unsigned(folder, { name: 'edge-plain' }),
  ]);
  await distribution(rest, 'base', {
    repository: base.pulp_href,
    generate_repo_config: true,
    pulp_labels: { pop: 'edge', tier: 'gold' },
  });
  const [publication] = await rest.list(`default:publications/rpm/rpm/?repository=${base.pulp_href}`);
  await distribution(rest, 'pinned', { publication: publication?.pulp_href });
  // Only now version 2, so that edge/base and edge/pinned differ.
  await add(rest, base, await Promise.all(second.map(packageFile)));
  const source = await seedSource(server, rest);
  const lazyRepository = await seedLazy(server, rest);
  const header = { name: 'X-Pop-Entitlement', value: 'let-me-in' };
  const reader = { username: 'edge-reader', password: 'edge-reader-password' };
  await seedGuarded(rest, { base, header, certificate, reader });
  return {
    repositories: { base: base.pulp_href, lazy: lazyRepository.pulp_href, source: source.pulp_href },
    signer,
    certificate,
    reader,
    header,
  };
}

/** Adds packages as one new version, which is published at once. */
export async function add(
  rest: PulpRest,
  { pulp_href: href }: { readonly pulp_href: string },
  files: readonly string[],
): Promise<void> {
  const domain = href.split('/')[2] ?? '';
  const units: string[] = [];
  // One by one: of uploads at the same time Pulp answers some with 500.
  for (const file of files) units.push((await rest.upload(domain, file)).pulp_href);
  await rest.act(`${href}modify/`, { add_content_units: units });
}

function repository(rest: PulpRest, domain: string, fields: object): Promise<PulpObject> {
  const body = { autopublish: true, checksum_type: 'sha256', compression_type: 'gz', ...fields };
  return rest.create(`${domain}:repositories/rpm/rpm/`, body);
}

function distribution(rest: PulpRest, name: string, fields: object): Promise<PulpObject> {
  const body = { name: `edge-${name}`, base_path: `edge/${name}`, pulp_labels: { pop: 'edge' }, ...fields };
  return rest.create('default:distributions/rpm/rpm/', body);
}

async function seedSource(server: PulpServer, rest: PulpRest): Promise<PulpObject> {
  await rest.create('default:domains/', {
    name: 'vendor',
    storage_class: 'pulpcore.app.models.storage.FileSystem',
    storage_settings: { location: join(server.directory, 'media') },
  });
  const source = await repository(rest, 'vendor', { name: 'src' });
  await add(rest, source, await Promise.all(lazy.map(packageFile)));
  const fields = { name: 'src', base_path: 'src', repository: source.pulp_href, pulp_labels: { pop: 'source' } };
  await rest.create('vendor:distributions/rpm/rpm/', fields);
  return source;
}

async function seedLazy(server: PulpServer, rest: PulpRest): Promise<PulpObject> {
  const url = `${server.contentOrigin}/pulp/content/vendor/src/`;
  const remote = await rest.create('default:remotes/rpm/rpm/', { name: 'edge-lazy', url, policy: 'on_demand' });
  const made = await repository(rest, 'default', { name: 'edge-lazy', remote: remote.pulp_href });
  await rest.act(`${made.pulp_href}sync/`, {});
  await distribution(rest, 'lazy', { repository: made.pulp_href });
  return made;
}

async function seedGuarded(
  rest: PulpRest,
  { base, header, certificate, reader }: { base: PulpObject } & Pick<Seeded, 'header' | 'certificate' | 'reader'>,
): Promise<void> {
  const guards = {
    guarded: await rest.create('default:contentguards/core/header/', {
      name: 'edge-header',
      header_name: header.name,
      header_value: header.value,
    }),
    rbac: await rest.create('default:contentguards/core/rbac/', { name: 'edge-rbac' }),
    cert: await rest.create('default:contentguards/certguard/x509/', {
      name: 'edge-cert',
      ca_certificate: certificate.authority,
    }),
  };
  for (const [name, guard] of Object.entries(guards)) {
    const fields = {
      repository: base.pulp_href,
      content_guard: guard.pulp_href,
      pulp_labels: { pop: 'edge', guard: name },
    };
    await distribution(rest, name, fields);
  }
  const user = await rest.create('default:users/', reader);
  const [domain] = await rest.list('default:domains/?name=default');
  for (const role of readerRoles) {
    await rest.post(`${user.pulp_href}roles/`, { role, content_object: null, domain: domain?.pulp_href });
  }
  await rest.post(`${guards.rbac.pulp_href}add_role/`, {
    users: [reader.username],
    role: 'core.rbaccontentguard_downloader',
  });
}

/** Enough to follow a hub: facts of the hub, kept by test/mirror/pulp. */
export const readerRoles = [
  'rpm.rpmdistribution_viewer',
  'rpm.rpmrepository_viewer',
  'rpm.rpmpublication_viewer',
  'file.filedistribution_viewer',
  'file.filerepository_viewer',
  'file.filepublication_viewer',
];

/** Pulp runs a program of ours for each repomd.xml; the key is the one of the packages. */
async function signingService(server: PulpServer, rest: PulpRest): Promise<string> {
  const at = (name: string): string => join(server.directory, 'seed', name);
  await writeFile(at('key.asc'), await publicKey());
  await mkdir(at('gnupg'), { mode: 0o700 });
  const gpg = ['--homedir', at('gnupg'), '--batch', '--with-colons'];
  await succeed('gpg', [...gpg, '--import', at('key.asc')]);
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(await succeed('gpg', [...gpg, '--list-keys']))?.[1] ?? '';
  const program = fileURLToPath(new URL('./sign-metadata.ts', import.meta.url));
  await writeFile(at('sign'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$1" '${at('key.asc')}'\n`);
  await chmod(at('sign'), 0o755);
  const args = ['add-signing-service', 'edge-signer', at('sign'), fingerprint, '--gnupghome', at('gnupg')];
  await succeed(pythonCommand('pulpcore-manager'), args, { cwd: server.directory, env: environment(server.directory) });
  const [service] = await rest.list('default:signing-services/?name=edge-signer');
  if (service === undefined) throw new Error('Pulp does not list its new signing service');
  return service.pulp_href;
}

async function clientCertificate(): Promise<Seeded['certificate']> {
  await using authority = await CertificateAuthority.create();
  return { ...(await authority.issue('edge-pop')), authority: authority.cert };
}

async function unsigned(folder: string, recipe: PackageRecipe): Promise<string> {
  const signed = await packageFile(recipe);
  const file = join(folder, basename(signed));
  await copyFile(signed, file);
  await succeed('rpmsign', ['--delsign', file]);
  return file;
}
