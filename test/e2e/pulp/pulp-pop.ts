import type { RepositoryStatus, Status } from '../../../base/status.ts';
import type { CommandResult } from '../../support/command.ts';
import { Pop } from '../../support/pop.ts';
import type { LivePulp } from '../../support/pulp/live.ts';

export interface PulpPopOptions {
  readonly select: string;
  /** As the configuration has them. */
  readonly overrides?: readonly object[];
  /** Added to `hub`. */
  readonly hub?: Readonly<Record<string, unknown>>;
  /** Added to the subscription. */
  readonly subscription?: Readonly<Record<string, unknown>>;
  /** Further subscriptions. */
  readonly beside?: readonly object[];
  /** Top-level keys of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: the seeded reader's. */
  readonly password?: string;
}

/** A PoP that asks Pulp each second, as the seeded reader. */
export function pulpPop(pulp: LivePulp, options: PulpPopOptions): Promise<Pop> {
  const { select, overrides = [], hub = {}, subscription = {}, beside = [], config = {}, password } = options;
  const { reader, header } = pulp.address.seeded;
  const corp = {
    name: 'corp',
    hub: { type: 'pulp', url: pulp.address.apiOrigin, username: reader.username, passwordFile: 'password', ...hub },
    select,
    refresh: '1s',
    overrides,
    ...subscription,
  };
  return Pop.start({
    config: { ...config, subscriptions: [corp, ...beside] },
    files: { password: password ?? reader.password, entitlement: Buffer.from(header.value).toString('base64') },
  });
}

/** Resolves once each of them has been published: before the hub was asked, the PoP knows of none. */
export function published(pop: Pop, ...paths: readonly string[]): Promise<Status> {
  return pop.until((status) => paths.every((path) => (repositoryIn(status, path)?.repomd ?? null) !== null));
}

/** Resolves once the repository is as wanted; undefined while it is not known. */
export function repositoryIs(
  pop: Pop,
  path: string,
  wanted: (repository: RepositoryStatus | undefined) => boolean,
): Promise<Status> {
  return pop.until((status) => wanted(repositoryIn(status, path)));
}

export function repositoryIn({ subscriptions }: Status, path: string): RepositoryStatus | undefined {
  return subscriptions.flatMap(({ repositories }) => repositories).find((repository) => repository.path === path);
}

/** dnf's output, once it has succeeded. @throws Error with its own words, and what the PoP answered with an error. */
export function worked({ code, stdout, stderr }: CommandResult, pop: Pop): string {
  if (code === 0) return stdout;
  const refused = pop.lines.filter(
    ({ status, level }) => Number(status) >= 400 || level === 'warn' || level === 'error',
  );
  throw new Error(`dnf: ${code}\n${stderr}${stdout}\n${refused.map((line) => JSON.stringify(line)).join('\n')}`);
}

/** A section of dnf's that checks nothing but checksums. */
export function section(pop: Pop, path: string): { id: string; baseurl: string } {
  return { id: path.replaceAll('/', '-'), baseurl: `${pop.content}/content/${path}/` };
}
