import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { invariant, systemCode, WaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { formatListenAddress, parseListenAddress, type ListenAddress } from './address.ts';
import { connectionsOf } from './drain.ts';
import { isReadWithBody, isWellFormed, refuseConnection, refuseRequest, statusOfParserError } from './refusal.ts';
import { removeStaleSocket } from './unix-socket.ts';

/** Times in milliseconds. */
export interface ListenerLimits {
  /** From the connection, or the first byte of a further request, to the end of its headers. */
  readonly headersTimeout: number;
  /** The same to the end of its body. */
  readonly requestTimeout: number;
  /** How often the two are looked at: they are exceeded by at most this. */
  readonly checkInterval: number;
  /** Between two requests. librepo's own time-outs are 30 s: the client should be the one that closes. */
  readonly keepAliveTimeout: number;
  /** Neither side took or sent a byte while a response is open. */
  readonly idleTimeout: number;
  /** Bytes of a request's head. A Range of 256 parts is several KB. */
  readonly maxHeaderSize: number;
  readonly maxConnections: number;
}

/** Half-open requests are gone in 10 s at most. */
const defaultLimits: ListenerLimits = {
  headersTimeout: 9_000,
  requestTimeout: 30_000,
  checkInterval: 1_000,
  keepAliveTimeout: 65_000,
  idleTimeout: 120_000,
  maxHeaderSize: 16 * 1024,
  maxConnections: 4_096,
};

/** How a listener shows itself, PEM: its certificate with the chain behind it, and the key. */
export interface ServerIdentity {
  readonly cert: Buffer | string;
  readonly key: Buffer | string;
}

export interface ListenerOptions {
  /** `host:port`, `[IPv6]:port` (port 0: any) or the absolute path of a Unix socket. */
  readonly address: string;
  /** With it the listener speaks HTTPS, TLS 1.2 or newer. */
  readonly tls?: ServerIdentity;
  /**
   * Over TLS: the authority (PEM) whose client certificates are asked for. Who shows none, or one of somebody else, is
   * let in all the same: the handler of a request looks at what its connection has shown, and nothing else does.
   */
  readonly clientsOf?: string;
  /**
   * Gets every well-formed request; those of one connection one after another, pipelined or not. It must not throw, and
   * leaves the Connection header alone: the listener decides on that.
   */
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Told the status of what the listener refused by itself: 400, 405 (CONNECT), 408, 413, 431. */
  readonly onRefused?: (status: number) => void;
  readonly log: Logger;
  readonly limits?: Partial<ListenerLimits>;
  /** Access rights of a Unix socket. */
  readonly socketMode?: number;
}

export interface Listener {
  /** What it is bound to, in the form of the option; with the real port. */
  readonly address: string;
  /** Null for a Unix socket. */
  readonly port: number | null;
  /** Over TLS: shows another certificate to connections from now on; those that are open go on. */
  identify(tls: ServerIdentity): void;
  /**
   * Stops accepting, closes idle connections, lets open responses finish and destroys what is left after
   * `milliseconds`. Resolves when no connection is left. May be called again with less time.
   */
  drain(milliseconds: number): Promise<void>;
}

/**
 * Opens an HTTP/1.1 listener with strict parsing. Upgrade is ignored, as RFC 9110 §7.8 allows; CONNECT is refused.
 * @throws WaystationError `listen_failed`, naming the address and the system's reason.
 */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const address = parseListenAddress(options.address);
  const server = createFor(options);
  const { onRefused = () => {} } = options;
  const connections = connectionsOf(server);

  const deliver = (request: IncomingMessage, response: ServerResponse): void => {
    connections.track(response);
    if (connections.draining || isReadWithBody(request)) response.shouldKeepAlive = false;
    if (isWellFormed(request)) return options.onRequest(request, response);
    onRefused(400);
    refuseRequest(response, 400);
  };
  // A pipelined request waits for its turn: a thousand in one packet are not a thousand transfers. One behind an answer
  // that closed the connection (Node parses on when that had a body) can never be answered, so nobody hears of it.
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (response.socket === null) response.once('socket', () => deliver(request, response));
    else if (response.socket.writable) deliver(request, response);
  };
  server.on('request', onRequest);
  server.on('checkContinue', (request, response) => {
    if (!isReadWithBody(request)) response.writeContinue();
    onRequest(request, response);
  });
  server.on('connect', (_request, socket) => {
    onRefused(405);
    refuseConnection(socket, 405);
  });
  server.on('clientError', (error, socket) => {
    const status = statusOfParserError(error);
    if (status === null) {
      socket.destroy();
      return;
    }
    const open = connections.openOn(socket);
    // The connection ends with the answer that is under way: what follows has been refused already.
    if (!socket.writable || open.some(({ shouldKeepAlive }) => !shouldKeepAlive)) return;
    onRefused(status);
    // An answer that is under way must not be continued with another one, unless it is for this very request.
    const isOwnBody = open.length === 1 && open.every(({ headersSent, req }) => !headersSent && !req.complete);
    if (open.length === 0 || isOwnBody) refuseConnection(socket, status);
    else socket.destroy();
  });

  await listen(server, address, options.address);
  if ('path' in address) await chmod(address.path, options.socketMode ?? 0o660);
  // Accepting can fail later, for lack of file descriptors: the connections that are open go on.
  server.on('error', (error) =>
    options.log.error({ err: error, address: options.address }, 'cannot accept a connection'),
  );
  const bound = boundAddress(server, address);
  return {
    address: formatListenAddress(bound),
    port: 'port' in bound ? bound.port : null,
    identify(tls) {
      invariant(server instanceof TlsServer, 'only a listener over TLS has a certificate');
      server.setSecureContext(secureContext(tls, options.clientsOf));
    },
    drain: (milliseconds) => connections.drain(milliseconds),
  };
}

function createFor({ address, tls, clientsOf, limits }: ListenerOptions): Server {
  const { checkInterval, idleTimeout, maxConnections, ...times } = { ...defaultLimits, ...limits };
  const common: ServerOptions = {
    ...times,
    connectionsCheckingInterval: checkInterval,
    insecureHTTPParser: false,
    // Checked by `isWellFormed`, which sees repetitions too and has the refusal counted.
    requireHostHeader: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  const server = tls === undefined ? createServer(common) : createSecured({ address, tls, clientsOf }, common);
  server.maxConnections = maxConnections;
  server.timeout = idleTimeout;
  return server;
}

function createSecured(
  { address, tls, clientsOf }: { address: string; tls: ServerIdentity; clientsOf: string | undefined },
  common: ServerOptions,
): Server {
  const asked = clientsOf === undefined ? {} : { requestCert: true, rejectUnauthorized: false };
  try {
    const secured = { ...secureContext(tls, clientsOf), ...asked, handshakeTimeout: common.headersTimeout };
    return createTlsServer({ ...common, ...secured });
  } catch (cause) {
    throw new WaystationError('listen_failed', `cannot listen on ${address}: certificate or key unusable`, { cause });
  }
}

/** Clients are told whose certificates are asked for, so that one of several is chosen rightly. */
function secureContext({ cert, key }: ServerIdentity, clientsOf: string | undefined): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientsOf === undefined ? {} : { ca: clientsOf }) };
}

async function listen(server: Server, address: ListenAddress, name: string): Promise<void> {
  try {
    await bind(server, address);
  } catch (cause) {
    const code = systemCode(cause);
    if (code === 'EADDRINUSE' && 'path' in address && (await removeStaleSocket(address.path))) {
      return listen(server, address, name);
    }
    const reason = reasons[code ?? ''] ?? 'the system refuses it';
    throw new WaystationError('listen_failed', `cannot listen on ${name}: ${reason} (${code})`, { cause });
  }
}

function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, backlog: 2_048 }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another process',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'the host name is unknown',
  ENOENT: 'the directory of the socket does not exist',
};

function boundAddress(server: Server, asked: ListenAddress): ListenAddress {
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : asked;
}
