import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import type { RepositorySupplier, WantedRepository } from '../../mirror/discovery.ts';
import { RepositoryReader } from '../../mirror/repository-reader.ts';
import type { ReadRequest, ReadResult } from '../../mirror/repository-reader.ts';
import { cutAt, FaultyOrigin, flippedAt, Gate, hang, portalPage, status } from '../support/faulty-origin.ts';
import { handMadeRepository, putRepository } from '../support/hand-made-repository.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { upstream } from '../support/upstream.ts';

const repomdPath = '/r/repodata/repomd.xml';
const long = new AbortController().signal;
const hour = 60 * 60_000;

interface Bench {
  readonly origin: FaultyOrigin;
  readonly sink: MemorySink;
  readonly clock: StandingClock;
  readonly supplier: RepositorySupplier;
  /** Reads `/r/`, after the result of an earlier read if one is given. */
  read(changes?: Partial<ReadRequest> & { readonly scope?: string; readonly after?: ReadResult }): Promise<ReadResult>;
}

async function bench(): Promise<Bench> {
  const origin = await FaultyOrigin.start();
  onTestFinished(() => origin.stop());
  const sink = new MemorySink();
  const clock = new StandingClock(Date.now());
  const supplier = upstream([`${origin.url}r/`]);
  const reader = new RepositoryReader({ sink, clock, log: silentLogger });
  return {
    origin,
    sink,
    clock,
    supplier,
    read: ({ scope = 'open', after, ...changes } = {}) =>
      reader.read({ ...request(supplier, scope), previous: after ?? null, ...changes }, long),
  };
}

function request(supplier: RepositorySupplier, scope: string): Omit<ReadRequest, 'previous'> {
  const repository: WantedRepository = { path: 'r', content: 'rpm', name: null, guard: null, scope, supplier };
  return { repository, trust: null, thorough: false, progress: { expected: () => {}, done: () => {} } };
}

const two = { packages: { 'a-1.rpm': 'aaa', 'b-1.rpm': 'bbbb' } };

test('a repository is read whole: repomd, every record, and the map of its packages', async () => {
  const { origin, sink, read } = await bench();
  const made = putRepository(origin, 'r', { ...two, types: ['primary', 'filelists', 'productid'] });
  const { document, packages } = await read();
  expect(document.repomd).toEqual({ digest: digestOf(made.repomd), size: made.repomd.length });
  expect(document.asc).toBeNull();
  expect(document.key).toBeNull();
  expect(document.records).toEqual(
    Object.fromEntries(made.records.map(({ href, bytes }) => [href, { digest: digestOf(bytes), size: bytes.length }])),
  );
  for (const listed of [document.repomd, ...Object.values(document.records)]) {
    expect(sink.holds('open', listed)).toBe(true);
  }
  expect(document.map).toBe(digestOf(made.records[0]?.bytes ?? ''));
  expect(packages).toEqual({ packages: 2, bytes: 7, unservable: 0 });
  expect(document.map && [...(sink.wholeMap(document.map)?.entries.keys() ?? [])].toSorted()).toEqual([
    'a-1.rpm',
    'b-1.rpm',
  ]);
});

test('signature and key beside repomd.xml belong to it', async () => {
  const { origin, read } = await bench();
  putRepository(origin, 'r', two);
  origin.put(`${repomdPath}.asc`, 'signature');
  origin.put(`${repomdPath}.key`, 'key');
  const { document } = await read();
  expect(document.asc?.digest).toBe(digestOf('signature'));
  expect(document.key?.digest).toBe(digestOf('key'));
});

test('a signature that fails to come fails the read, but an object store may hide its absence behind 403', async () => {
  const { origin, read } = await bench();
  putRepository(origin, 'r', two);
  const broken = origin.on(`${repomdPath}.asc`, status(500));
  await expect(read()).rejects.toMatchObject({
    code: 'upstream_status',
    message: expect.stringContaining('repomd.xml.asc'),
  });
  broken.remove();
  origin.on(`${repomdPath}.asc`, status(403));
  expect((await read()).document.asc).toBeNull();
});

test('a signature that was there and is refused now fails the read', async () => {
  const { origin, read } = await bench();
  putRepository(origin, 'r', two);
  origin.put(`${repomdPath}.asc`, 'signature');
  const first = await read();
  origin.on(`${repomdPath}.asc`, status(403));
  await expect(read({ after: first })).rejects.toMatchObject({ code: 'upstream_unauthorized' });
});

test('an unchanged repository is asked for its repomd.xml alone, and gives an equal document', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  clock.advance(11 * 60_000);
  const before = origin.count();
  const second = await read({ after: first });
  expect(second.document).toEqual(first.document);
  expect(origin.requests.slice(before).map(({ path }) => path)).toEqual([repomdPath]);
});

test('the question for repomd.xml is conditional once the file has lain still for a minute', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const fresh = await read();
  expect(fresh.mark.validators).toBeNull();
  clock.advance(2 * 60_000);
  const settled = await read({ after: fresh });
  expect(settled.mark.validators?.etag).toMatch(/^"/);
  const again = await read({ after: settled });
  expect(again.document).toEqual(fresh.document);
  const statuses = origin.requests.filter(({ path }) => path === repomdPath).map((asked) => asked.status);
  expect(statuses).toEqual([200, 200, 304]);
});

test('a thorough read takes no 304 for an answer and asks for the signature again', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  clock.advance(hour / 2);
  const settled = await read({ after: first });
  const before = origin.count();
  await read({ after: settled, thorough: true });
  expect(origin.requests.slice(before).map((asked) => [asked.path, asked.status])).toEqual([
    [repomdPath, 200],
    [`${repomdPath}.asc`, 404],
    [`${repomdPath}.key`, 404],
    ['/r/.treeinfo', 404],
    ['/r/treeinfo', 404],
  ]);
});

test('a signature that comes after its repomd.xml is found', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  origin.put(`${repomdPath}.asc`, 'late');
  clock.advance(60_000);
  const second = await read({ after: first });
  expect(second.document.asc?.digest).toBe(digestOf('late'));
  expect(second.document.repomd).toEqual(first.document.repomd);
});

test('a signature that is replaced much later is found within an hour', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  clock.advance(30 * 60_000);
  origin.put(`${repomdPath}.asc`, 'new');
  const second = await read({ after: first });
  expect(second.document.asc).toBeNull();
  clock.advance(31 * 60_000);
  expect((await read({ after: second })).document.asc?.digest).toBe(digestOf('new'));
});

test('a change fetches the records that are new, and no other', async () => {
  const { origin, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  const made = putRepository(origin, 'r', { packages: { 'c-1.rpm': 'c' }, types: ['primary'] });
  const before = origin.count();
  const second = await read({ after: first });
  expect(second.document.repomd.digest).toBe(digestOf(made.repomd));
  const fetched = origin.requests.slice(before).map(({ path }) => path);
  expect(fetched.filter((path) => !/repomd\.xml|treeinfo/.test(path))).toEqual([`/r/${made.records[0]?.href}`]);
});

test('an altered record is refused and named, and what was proven before it is not fetched again', async () => {
  const { origin, sink, read } = await bench();
  const made = putRepository(origin, 'r', two);
  const [primary, filelists] = made.records;
  const lie = origin.on(`/r/${filelists?.href}`, flippedAt(12));
  await expect(read()).rejects.toMatchObject({
    code: 'record_mismatch',
    message: expect.stringContaining(filelists?.href ?? '?'),
  });
  lie.remove();
  expect(sink.holds('open', { digest: digestOf(primary?.bytes ?? ''), size: primary?.bytes.length ?? 0 })).toBe(true);
  await read();
  expect(origin.count(`/r/${primary?.href}`)).toBe(1);
});

test('a record that is missing is named, after repomd.xml was read once more', async () => {
  const { origin, read } = await bench();
  const made = putRepository(origin, 'r', two);
  const href = made.records[1]?.href ?? '';
  origin.remove(`/r/${href}`);
  await expect(read()).rejects.toMatchObject({ code: 'upstream_missing', message: expect.stringContaining(href) });
  expect(origin.count(repomdPath)).toBe(2);
});

test.each([
  ['vanished', false],
  ['changed under the same name', true],
])('a record that %s because repomd.xml changed meanwhile leads to the new one', async (_what, simpleNames) => {
  const { origin, read } = await bench();
  const old = handMadeRepository({ ...two, simpleNames });
  const made = putRepository(origin, 'r', { packages: { 'c-2.rpm': 'cc' }, simpleNames });
  // The first question is answered from before the change.
  origin.times(1, repomdPath, (reply) => ({
    ...reply,
    headers: [],
    body: { length: old.repomd.length, read: bytesOf(old.repomd) },
  }));
  const { document } = await read();
  expect(document.repomd.digest).toBe(digestOf(made.repomd));
  expect(origin.count(repomdPath)).toBe(2);
});

function bytesOf(bytes: Buffer): (start: number, end: number) => AsyncIterable<Buffer> {
  return async function* (start, end) {
    yield bytes.subarray(start, end);
  };
}

test.each([
  ['a page of a captive portal', portalPage(), 'repomd_invalid'],
  ['an empty answer', status(200, {}, ''), 'repomd_invalid'],
  ['a cut one', cutAt(20), 'upstream_cut'],
  ['a wrong password', status(401), 'upstream_unauthorized'],
  ['none', status(404), 'upstream_missing'],
])('%s instead of repomd.xml is refused for what it is', async (_what, lie, code) => {
  const { origin, sink, read } = await bench();
  putRepository(origin, 'r', two);
  origin.on(repomdPath, lie);
  await expect(read()).rejects.toMatchObject({ code });
  expect(sink.count('open')).toBe(0);
});

test('a primary that does not decompress to what repomd.xml lists is refused, and leaves no map', async () => {
  const { origin, sink, read } = await bench();
  const made = putRepository(origin, 'r', two);
  const wrong = made.repomd.toString().replace(/(<open-size>)\d+/, '$123');
  origin.put(repomdPath, wrong);
  await expect(read()).rejects.toMatchObject({ message: expect.stringContaining('primary.xml.gz') });
  expect(await sink.map(digestOf(made.records[0]?.bytes ?? ''))).toBeNull();
});

test('a repository without packages in its metadata is legitimate', async () => {
  const { origin, read } = await bench();
  putRepository(origin, 'r', { packages: {}, types: ['comps'] });
  const { document, packages } = await read();
  expect(document.map).toBeNull();
  expect(packages).toBeNull();
});

test('a lost record is fetched again although nothing changed upstream', async () => {
  const { origin, sink, clock, read } = await bench();
  putRepository(origin, 'r', two);
  const first = await read();
  const [href, listed] = Object.entries(first.document.records)[1] ?? [];
  if (href === undefined || listed === undefined) throw new Error('no second record');
  sink.lose('open', listed);
  clock.advance(hour);
  const second = await read({ after: first });
  expect(second.document).toEqual(first.document);
  expect(origin.count(`/r/${href}`)).toBe(2);
});

test('a lost repomd.xml is fetched again, whatever the validators say', async () => {
  const { origin, sink, clock, read } = await bench();
  putRepository(origin, 'r', two);
  clock.advance(hour);
  const first = await read();
  sink.lose('open', first.document.repomd);
  const second = await read({ after: first });
  expect(second.document).toEqual(first.document);
  expect(sink.holds('open', first.document.repomd)).toBe(true);
});

test('under another scope everything is fetched anew: possession is not shared', async () => {
  const { origin, sink, read } = await bench();
  const made = putRepository(origin, 'r', two);
  const open = await read();
  const guarded = await read({ after: open, scope: 'yum-0123456789abcdef' });
  expect(guarded.document).toEqual({ ...open.document, scope: 'yum-0123456789abcdef' });
  expect(sink.count('yum-0123456789abcdef')).toBe(sink.count('open'));
  for (const { href } of made.records) expect(origin.count(`/r/${href}`)).toBe(2);
});

test('an interrupted read ends with the reason of its signal, and the next goes on from what is held', async () => {
  const { origin, sink, supplier, clock } = await bench();
  const made = putRepository(origin, 'r', two);
  const gate = new Gate();
  const slow = origin.on(`/r/${made.records[1]?.href}`, hang(gate));
  const reader = new RepositoryReader({ sink, clock, log: silentLogger });
  const stop = new AbortController();
  const reading = reader.read({ ...request(supplier, 'open'), previous: null }, stop.signal);
  await gate.reached;
  const first = made.records[0];
  await origin.until(() =>
    origin.requests.some(({ path, ended }) => path.endsWith(first?.href ?? '?') && ended !== null),
  );
  stop.abort(new Error('enough'));
  await expect(reading).rejects.toThrow('enough');
  slow.remove();
  gate.open();
  await reader.read({ ...request(supplier, 'open'), previous: null }, long);
  expect(origin.count(`/r/${first?.href}`)).toBeLessThanOrEqual(2);
});

test('progress counts the files and bytes of the repository, and whether they had to be brought', async () => {
  const { origin, read } = await bench();
  const made = putRepository(origin, 'r', two);
  const seen = { files: 0, bytes: 0, done: 0, fetched: 0 };
  const progress = {
    expected: (files: number, bytes: number) => void ((seen.files += files), (seen.bytes += bytes)),
    done: (_bytes: number, fetched: boolean) => void ((seen.done += 1), (seen.fetched += Number(fetched))),
  };
  const bytes = made.records.reduce((sum, record) => sum + record.bytes.length, 0);
  const first = await read({ progress });
  expect(seen).toEqual({ files: 2, bytes, done: 2, fetched: 2 });
  await read({ progress, after: first });
  expect(seen).toEqual({ files: 4, bytes: 2 * bytes, done: 4, fetched: 2 });
});

test('the last of validators is believed only with the repomd.xml that it came with', async () => {
  const { origin, clock, read } = await bench();
  putRepository(origin, 'r', two);
  clock.advance(hour);
  const first = await read();
  const mark = { ...first.mark, repomd: digestOf('another') };
  await read({ after: { ...first, mark } });
  expect(origin.requests.filter(({ path }) => path === repomdPath).map((asked) => asked.status)).toEqual([200, 200]);
});
