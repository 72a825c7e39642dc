import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import autocannon from 'autocannon';
import { Authority } from '../../hub/keys/authority.ts';
import { KeyFolder } from '../../hub/keys/key-folder.ts';
import type { BenchedHub, Identity } from './hub.ts';
import { startOrigin, startTlsPop } from './peers.ts';
import { cpuSeconds, median } from './processes.ts';
import { makeRepository } from './repository.ts';

const sizes = { medium: 30_000, large: 1_000_000 } as const;
const repetitions = 3;
const secondsEach = 3;
const connections = 16;

/** One server, one way to it. */
interface Way {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly identity: Identity | null;
}

/** What a held file costs at the hub, at a PoP over TLS, and at a PoP without it. */
export async function benchHits(hub: BenchedHub, work: string): Promise<void> {
  makeRepository(join(work, 'origin'), sizes);
  const [identity] = await hub.register(1);
  if (identity === undefined) throw new Error('no PoP could be registered');
  const authority = await Authority.make(new KeyFolder(join(work, 'pop-keys')), 'localhost', Date.now());
  const own = await authority.issueServer('localhost', { from: Date.now(), until: Date.now() + 86_400_000 });
  const [cert, key] = [join(work, 'pop.crt'), join(work, 'pop.key')];
  writeFileSync(cert, own.certificate);
  writeFileSync(key, own.key, { mode: 0o600 });
  const origin = await startOrigin(work, join(work, 'origin'), 1);
  const pop = await startTlsPop(work, origin.url, 0, { cert, key });
  try {
    console.log(`${'held file'.padEnd(12)}${'server'.padEnd(20)}${'CPU, µs a request'.padStart(20)}`);
    for (const size of ['medium', 'large'] as const) {
      const file = join(work, 'origin/Packages', `${size}.rpm`);
      const path = await hub.putFile(file);
      const ways: Way[] = [
        { name: 'hub, mTLS', pid: hub.pid, url: `https://127.0.0.1:${hub.port}${path}`, identity },
        { name: 'PoP, TLS', pid: pop.pid, url: `${pop.secured}/Packages/${size}.rpm`, identity: null },
        { name: 'PoP, plain', pid: pop.pid, url: `${pop.url}/Packages/${size}.rpm`, identity: null },
      ];
      const figures = new Map(ways.map((way) => [way, [] as number[]]));
      for (const way of ways) await load(way, 1);
      for (let repetition = 0; repetition < repetitions; repetition += 1)
        for (const [way, list] of figures) list.push(await measured(way));
      for (const [{ name }, list] of figures)
        console.log(`${size.padEnd(12)}${name.padEnd(20)}${(median(list) * 1e6).toFixed(1).padStart(20)}`);
    }
  } finally {
    await pop.stop();
    await origin.stop();
  }
}

/** CPU seconds of the server for one request. */
async function measured(way: Way): Promise<number> {
  const before = cpuSeconds(way.pid);
  const requests = await load(way, secondsEach);
  return (cpuSeconds(way.pid) - before) / requests;
}

/** @returns requests that were answered. */
async function load({ name, url, identity }: Way, duration: number): Promise<number> {
  const tlsOptions = { servername: 'localhost', ...identity };
  const result = await autocannon({ url, connections, duration, tlsOptions });
  if (result.non2xx > 0 || result.errors > 0 || result['2xx'] === 0)
    throw new Error(`${name} did not answer the load: ${result.non2xx} refused, ${result.errors} errors`);
  return result['2xx'];
}
