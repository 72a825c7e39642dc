import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** What becomes of a body on its way: `url` is the one that was asked for. */
export type Passing = (url: string, body: AsyncIterable<Buffer>) => AsyncIterable<Buffer>;

/** A plain forward proxy: absolute-form GETs and CONNECT tunnels, to wherever it is told on this machine. */
export class ForwardProxy implements AsyncDisposable {
  /** What it was asked for: `GET http://…` or `CONNECT host:port`. */
  readonly requests: string[] = [];
  /** How the GETs were answered, in the order of the answers. */
  readonly answers: { readonly url: string; readonly status: number }[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #passing: Passing;
  readonly #sockets: Set<Duplex>;

  static async start(passing: Passing = (_url, body) => body): Promise<ForwardProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForwardProxy(server, passing);
  }

  private constructor(server: Server, passing: Passing) {
    this.#server = server;
    this.#passing = passing;
    this.#sockets = new Set();
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => this.#forward(incoming, response));
    server.on('connect', (incoming: IncomingMessage, socket: Duplex) => this.#tunnel(incoming, socket));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
  }

  #forward(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = incoming;
    this.requests.push(`${method} ${url}`);
    if (!URL.canParse(url)) return void response.writeHead(400).end();
    const onward = request(url, { method, headers, agent: false }, (answer) => {
      const status = answer.statusCode ?? 502;
      this.answers.push({ url, status });
      response.writeHead(status, answer.headers);
      // An end before the end is passed on as one.
      pipeline(this.#passing(url, answer as AsyncIterable<Buffer>), response).catch(() => onward.destroy());
    });
    onward.on('error', () => response.destroy()).end();
    response.on('close', () => onward.destroy());
  }

  #tunnel(incoming: IncomingMessage, socket: Duplex): void {
    this.requests.push(`CONNECT ${incoming.url ?? ''}`);
    const { hostname, port } = new URL(`http://${incoming.url ?? ''}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    this.#keep(onward);
    onward.on('error', () => socket.destroy());
    socket.on('close', () => onward.destroy());
  }
}
