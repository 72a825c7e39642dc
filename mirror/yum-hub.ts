import type { Guard } from '../base/generation.ts';
import type { Discovery, HubClient, RepositorySupplier, WantedRepository } from './discovery.ts';
import type { IdentityNames } from './scope.ts';
import { isAnonymous, scopeOf } from './scope.ts';

/** One plain repository, as the configuration names it. */
export interface YumRepository {
  /** Where the PoP serves it, prefix included. */
  readonly path: string;
  /** Default `rpm`. */
  readonly content?: WantedRepository['content'];
  /** The first of its `url`, `urls`, `metalink`, `mirrorlist`: the origin that its credentials belong to. */
  readonly url: string;
  /** The names of the credentials that its requests carry. */
  readonly identity: IdentityNames;
  readonly supplier: RepositorySupplier;
}

/** The hub of those who have none: a list of yum repository URLs in the configuration. */
export class YumHub implements HubClient {
  readonly type = 'yum';
  readonly url = null;
  readonly authoritative = true;
  readonly #repositories: readonly WantedRepository[];

  constructor(repositories: readonly YumRepository[]) {
    this.#repositories = repositories.map(wanted);
  }

  remembered(): readonly WantedRepository[] {
    return this.#repositories;
  }

  async discover(): Promise<Discovery> {
    return { hubVersion: null, repositories: this.#repositories };
  }
}

function wanted(repository: YumRepository): WantedRepository {
  const identity = withUserInfo(repository.identity, repository.url);
  return {
    path: repository.path,
    content: repository.content ?? 'rpm',
    name: null,
    guard: guardOf(identity),
    scope: scopeOf({ hubType: 'yum', url: repository.url, domain: null, identity }),
    supplier: repository.supplier,
  };
}

/** A user name inside the URL is a credential like one beside it. */
function withUserInfo(identity: IdentityNames, url: string): IdentityNames {
  const { username, password } = new URL(url);
  return identity.username === null && username + password !== '' ? { ...identity, username } : identity;
}

/** Content that needs credentials is not for everybody (design §4); the name tells which, never their value. */
function guardOf(identity: IdentityNames): Guard | null {
  if (isAnonymous(identity)) return null;
  const names = [
    ...(identity.username === null ? [] : [`user ${identity.username}`]),
    ...identity.headers.map((name) => `header ${name}`),
    ...(identity.certificate === null ? [] : ['client certificate']),
  ];
  return { kind: 'credentials', name: names.join(', ') };
}
