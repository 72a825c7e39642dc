import type { Socket } from 'node:net';
import { HeadCollector } from './head-collector.ts';
import { parseHead } from './response-head.ts';
import type { ResponseHead } from './response-head.ts';
import { DisconnectedError } from './wire-errors.ts';

/**
 * Has an HTTP proxy connect to somewhere else (RFC 9110 §9.3.6). The socket is that connection then, or cut.
 * @param socket to the proxy.
 * @param target `host:port`.
 * @param authorization for Proxy-Authorization.
 * @throws whatever went wrong; the signal's reason.
 */
export async function tunnel(
  socket: Socket,
  { target, authorization }: { readonly target: string; readonly authorization: string | null },
  signal: AbortSignal,
): Promise<void> {
  const shown = authorization === null ? '' : `proxy-authorization: ${authorization}\r\n`;
  socket.write(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${shown}\r\n`, 'latin1');
  try {
    const { status } = await firstHead(socket, signal);
    if (status < 200 || status > 299) throw new Error(`the proxy answers ${status} to CONNECT`);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Nobody speaks through the tunnel before we do, so all that comes belongs to the proxy's answer. */
async function firstHead(socket: Socket, signal: AbortSignal): Promise<ResponseHead> {
  const { promise, resolve, reject } = Promise.withResolvers<ResponseHead>();
  const heads = new HeadCollector();
  const data = (bytes: Buffer): void => {
    try {
      for (let at = heads.find(bytes, 0); at >= 0; at = heads.find(bytes, at)) {
        const head = parseHead(heads.text);
        if (head.status >= 200) return resolve(head);
      }
    } catch (error) {
      reject(error);
    }
  };
  const closed = (): void => reject(new DisconnectedError('the proxy closed the connection'));
  const stop = (): void => reject(signal.reason as Error);
  socket.on('data', data).on('error', reject).once('close', closed);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await promise;
  } finally {
    socket.pause();
    socket.removeListener('data', data).removeListener('close', closed);
    signal.removeEventListener('abort', stop);
  }
}
