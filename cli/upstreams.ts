import type { Clock } from '../base/clock.ts';
import { WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Notes } from '../cache/notes.ts';
import type { Repository, Subscription, UpstreamAccess } from '../config/config.ts';
import { secretFile } from '../config/secrets.ts';
import type { HubClient } from '../mirror/discovery.ts';
import type { YumRepository } from '../mirror/yum-hub.ts';
import { PulpHub } from '../mirror/pulp/pulp-hub.ts';
import { YumHub } from '../mirror/yum-hub.ts';
import { Client } from '../origin/client.ts';
import type { Health } from '../origin/health.ts';
import type { Identity } from '../origin/identity.ts';
import type { MirrorDirectorySource } from '../origin/mirror-directory.ts';
import { SourceSet } from '../origin/source-set.ts';
import type { Traffic } from '../origin/traffic.ts';
import { parseMetalink } from '../yum/metalink.ts';
import { parseMirrorList } from '../yum/mirrorlist.ts';
import type { Following } from './following.ts';

interface UpstreamParts {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly notes: Notes;
  /** The ways to waystation hubs; null: a hub follows none. */
  readonly following: Following | null;
}

/** The ways to the upstreams, as the configuration has them: clients that share connections, and hubs over them. */
export class Upstreams {
  readonly #parts: UpstreamParts;
  readonly #clients = new Map<string, Client>();
  readonly #open: { close(): Promise<unknown> }[] = [];

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
  }

  /** The hub of a subscription. */
  async hub(subscription: Subscription): Promise<HubClient> {
    const { name, prefix, hub } = subscription;
    if (hub.type === 'pulp') {
      const { url, domain, select, identity: names } = hub;
      const identity = identityOf(hub, [url]);
      const pulp = await PulpHub.open({
        ...this.#parts,
        subscription: name,
        url,
        domain,
        select,
        prefix,
        identity,
        names,
      });
      this.#open.push(pulp);
      return pulp;
    }
    if (hub.type === 'waystation') {
      const { following } = this.#parts;
      if (following === null) throw new WaystationError('not_built', 'a hub takes nothing from another hub yet');
      return following.hub(subscription, hub);
    }
    return new YumHub(subscription.repositories.map((repository) => this.#yumRepository(repository)));
  }

  #yumRepository(repository: Repository): YumRepository {
    const lists: MirrorDirectorySource[] = [];
    if (repository.metalink !== null) lists.push({ url: repository.metalink, parse: readMetalink });
    if (repository.mirrorlist !== null) lists.push({ url: repository.mirrorlist, parse: readMirrorList });
    const urls = [...repository.urls, ...lists.map(({ url }) => url)];
    const { clock, log, health } = this.#parts;
    const client = this.#client(repository, urls);
    return {
      path: repository.path,
      content: repository.content,
      url: urls[0] ?? '',
      identity: repository.identity,
      supplier: new SourceSet({
        client,
        health,
        clock,
        log: log.child({ repository: repository.path }),
        urls: repository.urls,
        mirrorLists: lists,
      }),
    };
  }

  /** One client, and so one set of connections, for all who go to the same origins as the same somebody. */
  #client(access: UpstreamAccess, urls: readonly string[]): Client {
    const { credentials, headers, tls, proxy } = access;
    const origins = [...new Set(urls.map((url) => new URL(url).origin))].toSorted();
    const key = JSON.stringify({ origins, credentials, headers, tls, proxy });
    let client = this.#clients.get(key);
    if (client === undefined) {
      client = new Client({ ...this.#parts, identity: identityOf(access, urls) });
      this.#clients.set(key, client);
    }
    return client;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.values(), ...this.#open].map((open) => open.close()));
  }
}

function identityOf(access: UpstreamAccess, urls: readonly string[]): Identity {
  const { credentials, headers, tls, proxy } = access;
  const reading = (reference: Parameters<typeof secretFile>[0] | null | undefined): (() => Promise<string>) | null => {
    if (reference === null || reference === undefined) return null;
    const secret = secretFile(reference);
    return () => secret.read();
  };
  return {
    urls,
    username: credentials?.username ?? null,
    password: reading(credentials?.passwordFile),
    headers: Object.fromEntries(
      headers.map(({ name, value }) => [
        name,
        typeof value === 'string' ? () => Promise.resolve(value) : (reading(value) ?? (() => Promise.resolve(''))),
      ]),
    ),
    tls: { ca: reading(tls.ca), cert: reading(tls.client?.cert), key: reading(tls.client?.key) },
    proxy: proxy?.url ?? null,
    noProxy: proxy?.noProxy ?? [],
  };
}

function readMetalink(bytes: Buffer): {
  urls: readonly string[];
  repomdHashes: ReturnType<typeof parseMetalink>['hashes'];
} {
  const { urls, hashes } = parseMetalink(bytes);
  return { urls, repomdHashes: hashes };
}

function readMirrorList(bytes: Buffer): {
  urls: readonly string[];
  repomdHashes: ReturnType<typeof parseMirrorList>['hashes'];
} {
  const { urls, hashes } = parseMirrorList(bytes);
  return { urls, repomdHashes: hashes };
}
