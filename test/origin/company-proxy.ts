import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** One request to the proxy. */
export interface ProxiedRequest {
  /** `CONNECT` for a tunnel. */
  readonly method: string;
  /** The request target: an absolute URL, or host:port of a tunnel. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** An HTTP proxy as companies have them: absolute form for http, tunnels for https, and it asks who comes. */
export class CompanyProxy implements AsyncDisposable {
  readonly requests: readonly ProxiedRequest[];
  readonly #server: Server;
  readonly #sockets: ReadonlySet<Socket>;

  /** @param authorization what Proxy-Authorization must say, else 407; null: anybody. */
  static async start(authorization: string | null = null): Promise<CompanyProxy> {
    const requests: ProxiedRequest[] = [];
    const sockets = new Set<Socket>();
    const admits = (request: IncomingMessage): boolean => {
      requests.push({ method: request.method ?? '', target: request.url ?? '', headers: request.headers });
      return authorization === null || request.headers['proxy-authorization'] === authorization;
    };
    const server = createServer((request, response) => {
      if (admits(request)) forward(request, response);
      else response.writeHead(407).end();
    });
    server.on('connect', (request: IncomingMessage, socket: Socket) => {
      if (admits(request)) tunnel(request.url ?? '', socket, sockets);
      else socket.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
    });
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CompanyProxy(server, sockets, requests);
  }

  private constructor(server: Server, sockets: ReadonlySet<Socket>, requests: readonly ProxiedRequest[]) {
    this.#server = server;
    this.#sockets = sockets;
    this.requests = requests;
  }

  /** `127.0.0.1:port` */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

function forward(request: IncomingMessage, response: ServerResponse): void {
  const { 'proxy-authorization': _ours, ...headers } = request.headers;
  const onward = httpRequest(new URL(request.url ?? ''), { headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  onward.end();
}

function tunnel(target: string, socket: Socket, sockets: Set<Socket>): void {
  const colon = target.lastIndexOf(':');
  const onward = connect(Number(target.slice(colon + 1)), target.slice(0, colon), () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(onward).pipe(socket);
  });
  sockets.add(onward);
  onward.on('error', () => socket.destroy()).on('close', () => sockets.delete(onward));
}
