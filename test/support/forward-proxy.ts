import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A plain forward proxy: absolute-form GETs and CONNECT tunnels, to wherever it is told on this machine. */
export class ForwardProxy implements AsyncDisposable {
  /** What it was asked for: `GET http://…` or `CONNECT host:port`. */
  readonly requests: string[] = [];
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Duplex>;

  static async start(): Promise<ForwardProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ForwardProxy(server);
  }

  private constructor(server: Server) {
    this.#server = server;
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
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy()).end();
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
