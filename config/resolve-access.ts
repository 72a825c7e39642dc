import type { ClientCertificate, UpstreamAccess } from './config.ts';
import type { FilePlaces, FileReference } from './file-reference.ts';
import { fileReference } from './file-reference.ts';
import { identifies } from './request-header.ts';
import type { Parsed } from './schema.ts';
import type { upstreamAccess } from './schema-hub.ts';
import type { z } from 'zod';

/** The keys that a hub and a repository entry share. */
export type ParsedAccess = z.output<z.ZodObject<typeof upstreamAccess>>;

export interface AccessDefaults {
  readonly hub: ParsedAccess;
  readonly upstream: Parsed['upstream'];
  readonly places: FilePlaces;
}

/**
 * What an entry says, else its hub, else `upstream`. User and password come as a pair, `headers` and `tls` as wholes:
 * an entry that sets one inherits nothing of that one, so that a hub's secret never meets another user's name.
 */
export function resolveAccess(entry: ParsedAccess, { hub, upstream, places }: AccessDefaults): UpstreamAccess {
  const file = (name: string): FileReference => fileReference(name, places);
  const { username, passwordFile } = entry.username === undefined ? hub : entry;
  const tls = entry.tls ?? hub.tls ?? {};
  const ca = tls.ca ?? upstream.ca;
  const headers = Object.entries(entry.headers ?? hub.headers ?? {}).map(([name, value]) => ({
    name,
    value: typeof value === 'string' ? value : file(value.file),
  }));
  const credentials =
    username === undefined || passwordFile === undefined ? null : { username, passwordFile: file(passwordFile) };
  const client: ClientCertificate | null =
    tls.cert === undefined || tls.key === undefined ? null : { cert: file(tls.cert), key: file(tls.key) };
  return {
    credentials,
    headers,
    tls: { ca: ca === undefined ? null : file(ca), client },
    proxy: proxyOf(entry.proxy ?? hub.proxy, upstream),
    identity: {
      username: credentials?.username ?? null,
      headers: headers.map(({ name }) => name).filter((name) => identifies(name)),
      certificate: client?.cert.name ?? null,
    },
  };
}

/** `noProxy` belongs to the proxy of `upstream`: who names a proxy of its own means it. */
export function proxyOf(own: string | undefined, { proxy, noProxy }: Parsed['upstream']): UpstreamAccess['proxy'] {
  if (own === 'none') return null;
  if (own !== undefined) return { url: own, noProxy: [] };
  return proxy === undefined ? null : { url: proxy, noProxy };
}
