import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';

/** The connections and open responses of one server, so that it can end without breaking any. */
export interface Connections {
  /** Counts a response in, until it has closed. */
  track(response: ServerResponse): void;
  /** The responses of a connection that have not closed. */
  openOn(socket: unknown): readonly ServerResponse[];
  readonly draining: boolean;
  /**
   * Stops accepting and closes idle connections; a connection with an open response closes after it. What is left after
   * `milliseconds` is destroyed. Resolves when no connection is left. May be called again with less time.
   */
  drain(milliseconds: number): Promise<void>;
}

/**
 * Watches a server. (Its own `close` and `closeIdleConnections` take a response for done when it was ended, and cut off
 * what a slow client has not yet been sent: measured with Node 26.)
 */
export function connectionsOf(server: Server): Connections {
  const sockets = new Set<Socket>();
  const responses = new Set<ServerResponse>();
  let closed: Promise<void> | null = null;

  const trackSocket = (socket: Socket): void => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  };
  // Over TLS the responses know the secured socket, the server's count is of the plain one below it.
  server.on('connection', trackSocket).on('secureConnection', trackSocket);

  const openOn = (socket: unknown): readonly ServerResponse[] =>
    [...responses].filter((response) => response.req.socket === socket);

  function onResponseClose(this: ServerResponse): void {
    responses.delete(this);
    if (closed !== null && openOn(this.req.socket).length === 0) this.req.socket.destroySoon();
  }

  const beginClosing = (): Promise<void> => {
    const done = new Promise<void>((resolve) => {
      NetServer.prototype.close.call(server, () => {
        // Nothing is left that it could cut; it ends Node's timer for the connections.
        server.close(() => {});
        resolve();
      });
    });
    const busy = new Set([...responses].map((response) => response.req.socket));
    for (const response of responses) response.shouldKeepAlive = false;
    for (const socket of sockets) if (!busy.has(socket) && carriesRequests(socket)) socket.destroySoon();
    return done;
  };
  /** The plain socket below a secured one is left to that one. */
  const carriesRequests = (socket: Socket): boolean => 'encrypted' in socket === 'setSecureContext' in server;

  return {
    track(response) {
      responses.add(response);
      response.on('close', onResponseClose);
    },
    openOn,
    get draining() {
      return closed !== null;
    },
    async drain(milliseconds) {
      closed ??= beginClosing();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, milliseconds);
      await closed;
      clearTimeout(timer);
    },
  };
}
