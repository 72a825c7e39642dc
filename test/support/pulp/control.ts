import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parts } from './server.ts';
import type { Part, PulpServer } from './server.ts';

/** Lets the tests' processes stop and start the parts of a hub that another process owns. */
export interface Control {
  /** Scheme, host and port. */
  readonly origin: string;
  close(): Promise<void>;
}

/** `POST /<stop or start>/<part>`; the answer comes when it is done. */
export async function serveControl(hub: PulpServer): Promise<Control> {
  const server = createServer((request, response) => {
    const [, verb, name] = (request.url ?? '').split('/');
    const part = parts.find((known) => known === name);
    const done = part === undefined || (verb !== 'stop' && verb !== 'start') ? null : hub[verb](part);
    Promise.resolve(done).then(
      () => response.writeHead(done === null ? 404 : 204).end(),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The other end of `serveControl`. @throws Error with the hub's own words when it did not work. */
export async function control(origin: string, verb: 'stop' | 'start', part: Part): Promise<void> {
  const answer = await fetch(`${origin}/${verb}/${part}`, { method: 'POST' });
  if (answer.status !== 204) throw new Error(`${verb} ${part}: ${await answer.text()}`);
}
