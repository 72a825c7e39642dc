import { X509Certificate } from 'node:crypto';
import { connect as connectSocket, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { DetailedPeerCertificate } from 'node:tls';
import { WaystationError } from '../base/errors.ts';
import { transferFailure } from './failure.ts';
import { basic, userInfo } from './identity.ts';
import type { Identity } from './identity.ts';
import { bypassesProxy } from './no-proxy.ts';

/** Milliseconds for the connection, the handshake, and the tunnel where there is one. */
const within = 15_000;

/**
 * The certificate at the end of the chain that a server shows, believed or not: nothing is sent but the handshake.
 * @throws WaystationError `upstream_unreachable`; the signal's reason.
 */
export async function chainEnd(
  url: URL,
  { proxy, noProxy }: Pick<Identity, 'proxy' | 'noProxy'>,
  signal: AbortSignal,
): Promise<X509Certificate> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(within)]);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? 443 : Number(url.port);
  const way = proxy === null || bypassesProxy(url, noProxy) ? null : new URL(proxy);
  try {
    const socket = way === null ? connectSocket({ host, port }) : await tunnel(way, `${url.hostname}:${port}`, limit);
    return await shownBy(socket, isIP(host) === 0 ? host : null, limit);
  } catch (thrown) {
    signal.throwIfAborted();
    throw transferFailure(thrown, 'head', url.origin);
  }
}

async function shownBy(socket: Socket, servername: string | null, limit: AbortSignal): Promise<X509Certificate> {
  const shown = Promise.withResolvers<X509Certificate>();
  const stop = (): void => shown.reject(limit.reason);
  limit.addEventListener('abort', stop, { once: true });
  socket.once('error', shown.reject);
  const secured = connectTls({
    socket,
    ...(servername === null ? {} : { servername }),
    // Looked at, not believed: what is believed is compared with a fingerprint.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
  });
  secured.once('error', shown.reject);
  secured.once('secureConnect', () => shown.resolve(new X509Certificate(endOf(secured.getPeerCertificate(true)).raw)));
  try {
    return await shown.promise;
  } finally {
    limit.removeEventListener('abort', stop);
    secured.destroy();
    socket.destroy();
  }
}

function endOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate {
  let certificate = leaf;
  // The last one has itself as its issuer.
  for (let next = certificate.issuerCertificate; next !== undefined && next !== certificate;) {
    certificate = next;
    next = certificate.issuerCertificate;
  }
  return certificate;
}

/** A way through an HTTP proxy (RFC 9110 §9.3.6). */
async function tunnel(proxy: URL, target: string, signal: AbortSignal): Promise<Socket> {
  const undici = await import('undici');
  const client = new undici.Client(proxy.origin);
  const user = userInfo(proxy);
  const headers: Record<string, string> = user === null ? {} : { 'proxy-authorization': basic(user) };
  const { socket, statusCode } = await client.connect({ path: target, headers, signal });
  if (statusCode === 200) return socket as unknown as Socket;
  socket.destroy();
  throw new WaystationError('upstream_unreachable', `the proxy ${proxy.origin} answers ${statusCode} to CONNECT`);
}
