import { digestOf, hexOf } from '../base/digest.ts';

/** Who a PoP is at a hub, by names alone: a rotated secret leaves the identity, and so the scope, as it was. */
export interface IdentityNames {
  readonly username: string | null;
  /** Names of the configured request headers, never their values. */
  readonly headers: readonly string[];
  /** File name of the client certificate, as configured. */
  readonly certificate: string | null;
}

/** The identity of those who show nothing. */
export const anonymous: IdentityNames = { username: null, headers: [], certificate: null };

export interface ScopeSource {
  readonly hubType: string;
  /** Any URL of the hub; only its origin (scheme, host, port) counts. */
  readonly url: string;
  /** The hub's own division (Pulp's domain), null where there is none. */
  readonly domain: string | null;
  readonly identity: IdentityNames;
}

export function isAnonymous(identity: IdentityNames): boolean {
  return identity.username === null && identity.headers.length === 0 && identity.certificate === null;
}

/**
 * The possession scope of bytes had from a hub (design §4: blobs are shared, possession is not).
 * @returns `open` when no credentials are shown, else `<hub type>-<16 hex>`: stable over restarts and secret rotation,
 * fit to be a directory's name.
 */
export function scopeOf(source: ScopeSource): string {
  const { identity } = source;
  if (isAnonymous(identity)) return 'open';
  const headers = [...new Set(identity.headers.map((name) => name.toLowerCase()))].toSorted();
  const words = [
    source.hubType,
    new URL(source.url).origin,
    source.domain,
    identity.username,
    headers,
    identity.certificate,
  ];
  return `${source.hubType}-${hexOf(digestOf(JSON.stringify(words))).slice(0, 16)}`;
}
