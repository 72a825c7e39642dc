import type { ServerResponse } from 'node:http';

/** The way into one response: writes whole buffers one after another, and knows when the client is gone. */
export interface Outlet {
  /** Whether the client has left, or was dropped because it took nothing. */
  readonly left: boolean;
  /**
   * Resolves with true once the kernel has the bytes and the buffer may be used again; with false when the client left
   * before: something may still refer to the buffer then.
   */
  write(bytes: Buffer): Promise<boolean>;
  /** Ends the response; resolves with whether all of it reached the kernel. */
  end(): Promise<boolean>;
  /** Stops watching the response. Call once, when nothing is being written. */
  detach(): void;
}

/**
 * @param response attached to its connection.
 * @param stall milliseconds: a client that takes nothing for so long while bytes wait for it is dropped. Node looks at
 * the socket's queue once in each such period, so it takes up to twice as long. Waiting for a source does not count.
 */
export function openOutlet(response: ServerResponse, stall: number): Outlet {
  let left = response.socket === null || response.destroyed;
  let writing = false;
  let giveUp: (() => void) | null = null;
  const onClose = (): void => {
    left = true;
    giveUp?.();
  };
  const onTimeout = (): void => {
    if (writing) response.destroy();
  };
  // Node reports a failed write to its callback; without a listener an 'error' event would end the process.
  const onError = (): void => {};
  response.on('close', onClose).on('timeout', onTimeout).on('error', onError);
  // Node sets the connection's own time-out again when the response is done.
  if (!left) response.setTimeout(stall);

  const untilHandedOver = (begin: (done: (error?: Error | null) => void) => void): Promise<boolean> =>
    new Promise((resolve) => {
      if (left) return resolve(false);
      writing = true;
      const settle = (handedOver: boolean): void => {
        writing = false;
        giveUp = null;
        resolve(handedOver);
      };
      giveUp = () => settle(false);
      begin((error) => settle(!error && !left));
    });

  return {
    get left() {
      return left;
    },
    write: (bytes) => untilHandedOver((done) => void response.write(bytes, done)),
    end: () =>
      untilHandedOver((done) => {
        // Node emits 'finish' for bytes that died with their connection, too. Asked before its own listener closes it.
        const { socket } = response.req;
        response.prependOnceListener('finish', () => done(socket.destroyed ? new Error('connection closed') : null));
        response.end();
      }),
    detach: () => void response.off('close', onClose).off('timeout', onTimeout).off('error', onError),
  };
}
