import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../base/clock.ts';
import { digestOf } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import { anonymous } from '../../mirror/scope.ts';
import { YumHub } from '../../mirror/yum-hub.ts';
import { Client } from '../../origin/client.ts';
import { Health } from '../../origin/health.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import { SourceSet } from '../../origin/source-set.ts';
import { freeTraffic } from '../support/free-traffic.ts';
import { hubContract } from './hub-contract.ts';

hubContract('yum', async () => {
  let wanted = 'first';
  const server = createServer((request, response) => {
    const [, path] = (request.url ?? '').split('/');
    const right = request.headers.authorization === `Basic ${Buffer.from(`pop:${wanted}`).toString('base64')}`;
    response.writeHead(path === 'open' || right ? 200 : 401).end(path === 'open' || right ? repomd(path) : '');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    repositories: { 'site/open': digestOf(repomd('open')), 'site/guarded': digestOf(repomd('guarded')) },
    client: async (secret) => client(origin, secret),
    wants: (secret) => {
      wanted = secret;
    },
    vanish: close,
    [Symbol.asyncDispose]: close,
  };
});

function repomd(path: string | undefined): string {
  return `<repomd path="${path}"/>`;
}

function client(origin: string, secret: string): YumHub & { close(): Promise<unknown> } {
  const clock = systemClock;
  const log = silentLogger;
  const health = new Health({ clock, log });
  const clients: Client[] = [];
  const repository = (name: string, username: string | null): ConstructorParameters<typeof YumHub>[0][number] => {
    const url = `${origin}/${name}/`;
    const password = username === null ? null : async (): Promise<string> => secret;
    const identity = { ...anonymousIdentity([url]), username, password };
    const own = new Client({ identity, version: '0.0.0', health, traffic: freeTraffic(), clock, log });
    clients.push(own);
    const supplier = new SourceSet({ client: own, health, clock, log, urls: [url], mirrorLists: [] });
    return { path: `site/${name}`, url, identity: { ...anonymous, username }, supplier };
  };
  const hub = new YumHub([repository('open', null), repository('guarded', 'pop')]);
  return Object.assign(hub, { close: () => Promise.all(clients.map((own) => own.close())) });
}
