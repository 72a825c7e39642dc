import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** What is done with a request. @param number of the request on its connection, from 1. */
export type Script = (socket: Socket, number: number, connection: number) => void;

/** Takes requests from plain sockets, and has a script answer each with bytes. */
export class ScriptedServer implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets: readonly Socket[];
  /** The heads that came. */
  readonly requests: readonly string[];

  static async start(script: Script, host = '127.0.0.1'): Promise<ScriptedServer> {
    const [sockets, requests]: [Socket[], string[]] = [[], []];
    const server = createServer({ noDelay: true }, (socket) => {
      const connection = sockets.push(socket);
      let [text, number] = ['', 0];
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        text += bytes.toString('latin1');
        for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
          requests.push(text.slice(0, end));
          text = text.slice(end + 4);
          script(socket, ++number, connection);
        }
      });
    });
    server.listen(0, host);
    await once(server, 'listening');
    return new ScriptedServer(server, sockets, requests);
  }

  private constructor(server: Server, sockets: readonly Socket[], requests: readonly string[]) {
    this.#server = server;
    this.sockets = sockets;
    this.requests = requests;
  }

  get url(): string {
    const { address, port, family } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** A response with a length. */
export function answer(body: string | Buffer, ...fields: readonly string[]): Buffer {
  const lines = [`HTTP/1.1 200 OK`, `Content-Length: ${body.length}`, ...fields];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}
