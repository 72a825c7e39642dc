import { connect, isIP } from 'node:net';
import type { LookupFunction, OnReadOpts, Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls';
import { DisconnectedError } from './wire-errors.ts';

/** One end of a connection. */
export interface Place {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A socket that is ready for a request. An error of it that nobody listens to is harmless. */
export interface Dialled {
  readonly socket: Socket;
  /** Whether it reads by `onread`; else it has 'data' events. */
  readonly byOnread: boolean;
}

/**
 * Makes a connection.
 * @param signal ends it with its reason.
 * @throws whatever the system says.
 */
export type Dial = (onread: OnReadOpts, signal: AbortSignal) => Promise<Dialled>;

/** How TLS is spoken to one origin. Sessions are resumed. */
export class Security {
  readonly #context: () => SecureContext;
  #session: Buffer | null = null;

  /** @param context made when it is first needed, and then shared: it holds all authorities. */
  constructor(context: () => SecureContext) {
    this.#context = context;
  }

  options({ host }: Place): ConnectionOptions {
    const name = host.replace(/\.$/, '');
    return {
      secureContext: this.#context(),
      ALPNProtocols: ['http/1.1'],
      // An address is no server name (RFC 6066 §3); the certificate is compared with it all the same.
      ...(isIP(host) === 0 ? { servername: name } : {}),
      ...(this.#session === null ? {} : { session: this.#session }),
    };
  }

  /** Keeps what lets the next handshake be short. */
  remember(socket: TLSSocket): void {
    socket.on('session', (session) => (this.#session = session));
  }
}

export interface Direct extends Place {
  /** null: without TLS. */
  readonly security: Security | null;
  /** null: the system's. */
  readonly lookup: LookupFunction | null;
}

/** Milliseconds after which the system asks whether an idle peer is still there. */
const keepAliveInitialDelay = 60_000;

/** Connects straight to a place. */
export async function dialDirect(
  place: Direct,
  onread: OnReadOpts | null,
  signal: AbortSignal,
): Promise<Socket | TLSSocket> {
  const { host, port, security, lookup } = place;
  const options = { host, port, ...(onread === null ? {} : { onread }), ...(lookup === null ? {} : { lookup }) };
  if (security === null) {
    const socket = connect({ ...options, noDelay: true, keepAlive: true, keepAliveInitialDelay });
    await ready(socket, 'connect', signal);
    return socket;
  }
  const socket = connectTls({ ...options, ...security.options(place) });
  security.remember(socket);
  socket.setNoDelay(true).setKeepAlive(true, keepAliveInitialDelay);
  await ready(socket, 'secureConnect', signal);
  return socket;
}

/** Speaks TLS over a connection that is there already. */
export async function secured(
  through: Socket,
  { place, security }: { readonly place: Place; readonly security: Security },
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = connectTls({ ...security.options(place), host: place.host, socket: through });
  security.remember(socket);
  socket.once('close', () => through.destroy());
  await ready(socket, 'secureConnect', signal);
  return socket;
}

/** Resolves with the event; the socket is cut when that does not come. */
export async function ready(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => reject(signal.reason as Error);
  const closed = (): void => reject(new DisconnectedError('the other side closed the connection'));
  // Stays: an error between now and whoever has the socket then must not end the process.
  socket.on('error', reject).once(event, resolve).once('close', closed);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    socket.removeListener('close', closed);
  }
}
