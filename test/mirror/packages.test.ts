import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import { silentLogger } from '../../base/log.ts';
import type { Loader } from '../../base/transfer.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { PackageFetcher } from '../../mirror/packages.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { passed, scriptedTransfer } from '../support/scripted-loader.ts';

const nevra = { name: 'p', epoch: '0', version: '1', release: '1', arch: 'noarch' };
const primary: Digest = digestOf('primary');
const slots = 12;

/** A sink whose disk syncs nothing before its gate opens. */
class SlowSink extends MemorySink {
  readonly disk = new Gate();
  waiting = 0;

  override async ensure(...asked: Parameters<MemorySink['ensure']>): Promise<void> {
    const [, , , signal] = asked;
    await super.ensure(...asked);
    this.waiting += 1;
    await passed(this.disk, signal);
  }
}

async function repository(sink: MemorySink, files: number, size = 10) {
  const bodies = new Map(Array.from({ length: files }, (_, n) => [`p${n}.rpm`, Buffer.alloc(size, `${n} `)]));
  await sink.writeMap(primary, async (add) => {
    for (const [href, bytes] of bodies) add.add({ ...nevra, href, listed: { digest: digestOf(bytes), size } });
  });
  const transfers = { open: 0, most: 0, begun: 0 };
  const body = new Gate();
  const loader = (href: string): Loader => ({
    async open(offset, signal) {
      transfers.begun += 1;
      transfers.open += 1;
      transfers.most = Math.max(transfers.most, transfers.open);
      const transfer = scriptedTransfer({ bytes: bodies.get(href) ?? Buffer.alloc(0) }, offset, signal);
      return {
        ...transfer,
        async consume(to) {
          await passed(body, signal);
          await transfer.consume(to);
          transfers.open -= 1;
        },
      };
    },
    lied: () => {},
  });
  const wanted = { path: 'r', scope: 'open', supplier: { loader } } as unknown as WantedRepository;
  const document = { scope: 'open', map: primary } as unknown as RepositoryDocument;
  const progress = { expected: () => {}, done: () => {}, failed: () => {} };
  const fetch = (signal: AbortSignal) =>
    new PackageFetcher({ sink, log: silentLogger, slots }).fetch(
      { repository: wanted, document, map: primary, progress },
      signal,
    );
  return { fetch, transfers, body };
}

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await setImmediate();
}

const never = new AbortController().signal;

test('no more transfers are under way than it was told', async () => {
  const sink = new SlowSink();
  const { fetch, transfers, body } = await repository(sink, 40);
  const done = fetch(never);
  await until(() => transfers.open === slots);
  for (let turn = 0; turn < 50; turn += 1) await setImmediate();
  expect(transfers.most).toBe(slots);
  body.open();
  sink.disk.open();
  expect(await done).toEqual({ first: null, missingCount: 0 });
  expect(transfers.most).toBe(slots);
});

test('transfers go on while the disk has those before to sync, up to 1,024 files', async () => {
  const sink = new SlowSink();
  const { fetch, transfers, body } = await repository(sink, 1_100);
  body.open();
  const done = fetch(never);
  await until(() => sink.waiting >= 1_024);
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
  expect(transfers.begun).toBeLessThanOrEqual(1_024 + slots);
  sink.disk.open();
  await done;
  expect(transfers.begun).toBe(1_100);
});

test('or up to 64 MiB of them', async () => {
  const sink = new SlowSink();
  const { fetch, transfers, body } = await repository(sink, 40, 8 * 1024 * 1024);
  body.open();
  const done = fetch(never);
  await until(() => sink.waiting >= 9);
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
  expect(transfers.begun).toBeLessThanOrEqual(9 + slots);
  sink.disk.open();
  await done;
});

test('a cancelled run ends although the disk never answers', async () => {
  const sink = new SlowSink();
  const { fetch, body } = await repository(sink, 20);
  body.open();
  const stop = new AbortController();
  const done = fetch(stop.signal);
  await until(() => sink.waiting === 20);
  stop.abort(new Error('cancelled'));
  await expect(done).rejects.toThrow('cancelled');
});
