import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { chainEnd } from '../../origin/chain-end.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import type { Identity } from '../../origin/identity.ts';
import type { Health } from '../../origin/health.ts';
import type { Traffic } from '../../origin/traffic.ts';
import { popUri } from '../../protocol/registration.ts';
import type { PopCredentials } from '../../protocol/registration.ts';
import { parseToken } from '../../protocol/token.ts';
import { certificateRequest } from './certificate-request.ts';
import { HubApi } from './hub-api.ts';
import type { IdentityFolder, PopIdentity } from './identity-folder.ts';
import { seenByAnother } from './seen.ts';

/** What it takes to talk to a hub before one is anybody there. */
export interface HubAddress {
  /** Base URL. */
  readonly url: string;
  readonly proxy: string | null;
  readonly noProxy: Identity['noProxy'];
  readonly version: string;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly clock: Clock;
}

/**
 * Registers this PoP, and keeps who it is from then on. With the token of the registration that is kept already nothing
 * is asked.
 * @param name how it would like to be called.
 * @throws WaystationError `untrusted` when the hub is not the token's: nothing was sent to it then; `token_refused`,
 * `pop_name_taken`, `rate_limited`, `upstream_*`, `secret_unreadable`
 */
export async function register(
  hub: HubAddress,
  { folder, token: text, name }: { readonly folder: IdentityFolder; readonly token: string; readonly name: string },
  signal: AbortSignal,
): Promise<PopIdentity> {
  const token = parseToken(text);
  if (new URL(token.url).origin !== new URL(hub.url).origin)
    throw new WaystationError('token_refused', `the token is for ${token.url}, not for ${hub.url}`);
  const before = await folder.load();
  if (before?.token === token.id) return before;
  const authority = await authorityOf(hub, token.ca, signal);
  const key = await folder.nextKey();
  const csr = await certificateRequest(key, name);
  const { url, proxy, noProxy } = hub;
  const identity: Identity = {
    ...anonymousIdentity([url]),
    tls: { ca: async () => authority, cert: null, key: null },
    proxy,
    noProxy,
  };
  const api = new HubApi({ ...hub, identity });
  try {
    const credentials = await api.register({ token: text.trim(), csr, name }, signal);
    requireOurs(credentials, { key, ca: token.ca });
    const { pop, certificate, keys } = credentials;
    const issued = new Date(api.now()).toISOString();
    // What was seen of a hub is seen for good: only its epoch may be another one for who registers anew.
    const made = { format: 1 as const, url, ...pop, token: token.id, issued, keys, epoch: before?.epoch ?? null };
    const own = { ...made, key, certificate, authority: credentials.authority };
    if (before !== null && before.id !== pop.id) await folder.keepSeen(seenByAnother(await folder.seen()));
    await folder.adopt(own);
    return own;
  } finally {
    await api.close();
  }
}

/** @throws WaystationError `upstream_lied` when an answer is not about this key, or by another authority. */
export function requireOurs(
  { pop, certificate, authority }: PopCredentials,
  { key, ca }: { readonly key: string; readonly ca: string },
): void {
  const refuse = (why: string): WaystationError =>
    new WaystationError('upstream_lied', `the hub answers with a certificate that is of no use: ${why}`);
  const own = read(certificate);
  const issuer = read(authority);
  if (own === null || issuer === null) throw refuse('it is none');
  if (fingerprint(issuer) !== ca) throw refuse('it is by another authority');
  if (!own.verify(issuer.publicKey)) throw refuse('its signature does not fit');
  if (!own.checkPrivateKey(createPrivateKey(key))) throw refuse('it is for another key');
  if (!(own.subjectAltName ?? '').includes(popUri(pop.id))) throw refuse('it is for another PoP');
}

/** sha256 of a certificate, hex. */
export function fingerprint(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

/** The authority of a hub, as PEM, once it is known to be the one. */
async function authorityOf(hub: HubAddress, ca: string, signal: AbortSignal): Promise<string> {
  const end = await chainEnd(new URL(hub.url), hub, signal);
  if (fingerprint(end) === ca) return end.toString();
  const why = `its chain ends with sha256:${fingerprint(end)}, the token is of a hub with sha256:${ca}`;
  throw new WaystationError('untrusted', `${hub.url} is another hub: ${why}; nothing was sent to it`);
}

function read(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}
