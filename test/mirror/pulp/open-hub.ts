import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { PulpHub } from '../../../mirror/pulp/pulp-hub.ts';
import type { PulpHubOptions } from '../../../mirror/pulp/pulp-hub.ts';
import type { HubNotes } from '../../../mirror/hub-notes.ts';
import { anonymous } from '../../../mirror/scope.ts';
import { Health } from '../../../origin/health.ts';
import { anonymousIdentity } from '../../../origin/identity.ts';
import type { Identity } from '../../../origin/identity.ts';
import { freeTraffic } from '../../support/free-traffic.ts';

export interface OpenOptions extends Partial<PulpHubOptions> {
  readonly url: string;
  readonly username?: string;
  readonly password?: () => Promise<string>;
  readonly headers?: Identity['headers'];
  readonly tls?: Partial<Identity['tls']>;
}

/** A hub client as the service wires it, with notes in memory unless others are given. */
export async function openHub({
  username,
  password,
  headers = {},
  tls = {},
  ...options
}: OpenOptions): Promise<PulpHub> {
  const plain = anonymousIdentity([options.url]);
  return PulpHub.open({
    subscription: 'corp',
    domain: 'default',
    select: null,
    prefix: '',
    identity: {
      ...plain,
      username: username ?? null,
      password: password ?? null,
      headers,
      tls: { ...plain.tls, ...tls },
    },
    names: { ...anonymous, username: username ?? null, headers: Object.keys(headers) },
    version: '0.0.0',
    health: new Health({ clock: systemClock, log: silentLogger }),
    traffic: freeTraffic(),
    clock: systemClock,
    log: silentLogger,
    notes: new MemoryNotes(),
    ...options,
  });
}

/** Notes that outlive a client, as JSON. */
export class MemoryNotes implements HubNotes {
  readonly #texts = new Map<string, string>();

  async get(key: string): Promise<unknown> {
    const text = this.#texts.get(key);
    return text === undefined ? null : (JSON.parse(text) as unknown);
  }

  async put(key: string, value: unknown): Promise<void> {
    this.#texts.set(key, JSON.stringify(value));
  }
}
