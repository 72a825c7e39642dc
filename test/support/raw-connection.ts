import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A connection on which a test writes whatever bytes it likes. */
export interface RawConnection {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Resolves with everything received so far, as latin1, once `wanted` holds for it. Rejects when it closed before. */
  until(wanted: string | ((text: string) => boolean)): Promise<string>;
  /** Resolves with everything received, when the other side has closed; `reset` tells whether it was by RST. */
  closed(): Promise<{ readonly text: string; readonly reset: boolean }>;
}

/** @param target port of the loopback address, or path of a Unix socket. */
export async function rawConnection(target: number | string, options: { tls?: boolean } = {}): Promise<RawConnection> {
  const where = typeof target === 'number' ? { port: target, host: '127.0.0.1' } : { path: target };
  const socket = options.tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
  const chunks: Buffer[] = [];
  let reset = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  await once(socket, options.tls ? 'secureConnect' : 'connect');
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    wake();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reset ||= error.code === 'ECONNRESET';
  });
  socket.on('close', wake);
  const text = (): string => Buffer.concat(chunks).toString('latin1');
  const change = (): Promise<void> => new Promise((resolve) => void waiting.push(resolve));
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    async until(wanted) {
      for (;;) {
        const received = text();
        if (typeof wanted === 'string' ? received.includes(wanted) : wanted(received)) return received;
        if (socket.closed) throw new Error(`closed without ${String(wanted)}: ${received.slice(0, 500)}`);
        await change();
      }
    },
    async closed() {
      while (!socket.closed) await change();
      return { text: text(), reset };
    },
  };
}
