import { expect, onTestFinished, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { RepositoryDocument } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import type { ReadResult } from '../../mirror/repository-reader.ts';
import { RepositoryReader } from '../../mirror/repository-reader.ts';
import { cutAt, FaultyOrigin, portalPage, status } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { treeinfoText } from '../support/treeinfo-text.ts';
import { upstream } from '../support/upstream.ts';

const long = new AbortController().signal;
const minute = 60_000;

interface Bench {
  readonly origin: FaultyOrigin;
  readonly sink: MemorySink;
  readonly clock: StandingClock;
  readonly warned: readonly string[];
  /** Reads `/r/` again, and says what was asked of its .treeinfo meanwhile. */
  read(thorough?: boolean): Promise<{ document: RepositoryDocument; asked: readonly string[] }>;
}

async function bench(): Promise<Bench> {
  const origin = await FaultyOrigin.start();
  onTestFinished(() => origin.stop());
  putRepository(origin, 'r', { packages: { 'a-1.rpm': 'aaa' } });
  const sink = new MemorySink();
  const clock = new StandingClock(Date.now());
  const warned: string[] = [];
  const log: Logger = { ...silentLogger, warn: (_fields, message) => void warned.push(message) };
  const reader = new RepositoryReader({ sink, clock, log });
  const supplier = upstream([`${origin.url}r/`]);
  const repository = { path: 'r', content: 'rpm' as const, name: null, guard: null, scope: 'open', supplier };
  const progress = { expected: () => {}, done: () => {} };
  let previous: ReadResult | null = null;
  const read = async (thorough = false): ReturnType<Bench['read']> => {
    const before = origin.count();
    previous = await reader.read({ repository, trust: null, previous, thorough, progress }, long);
    const requests = origin.requests.slice(before).filter(({ path }) => path.endsWith('treeinfo'));
    return { document: previous.document, asked: requests.map((one) => `${one.path} ${one.status}`) };
  };
  return { origin, sink, clock, warned, read };
}

const images = { 'images/install.img': 'stage two', 'images/pxeboot/vmlinuz': 'kernel' };
const text = treeinfoText({ files: images, variants: ['../../AppStream/x86_64/os'] });

test('.treeinfo is pinned with its files and variants, and held', async () => {
  const { origin, sink, read } = await bench();
  origin.put('/r/.treeinfo', text);
  const { document } = await read();
  expect(document.treeinfo).toEqual({ digest: digestOf(text), size: text.length });
  expect(document.tree).toEqual({
    files: {
      'images/install.img': digestOf('stage two'),
      'images/pxeboot/vmlinuz': digestOf('kernel'),
    },
    variants: ['../../AppStream/x86_64/os'],
    unusable: 0,
  });
  expect(sink.holds('open', document.treeinfo!)).toBe(true);
});

test('one that is there is asked for once a read, conditionally, and changes without repomd.xml', async () => {
  const { origin, clock, read } = await bench();
  origin.put('/r/.treeinfo', text);
  const first = await read();
  clock.advance(2 * minute);
  await read();
  const again = await read();
  expect(again).toEqual({ document: first.document, asked: ['/r/.treeinfo 304'] });
  const newer = treeinfoText({ files: { 'images/install.img': 'stage two, newer' }, variants: [] });
  origin.put('/r/.treeinfo', newer);
  const changed = await read();
  expect(changed.document).toMatchObject({
    repomd: first.document.repomd,
    treeinfo: { digest: digestOf(newer) },
    tree: { files: { 'images/install.img': digestOf('stage two, newer') } },
  });
});

test('one that is lost here is fetched whole again', async () => {
  const { origin, sink, clock, read } = await bench();
  origin.put('/r/.treeinfo', text);
  await read();
  clock.advance(2 * minute);
  const { document } = await read();
  sink.lose('open', document.treeinfo!);
  expect(await read()).toEqual({ document, asked: ['/r/.treeinfo 200'] });
  expect(sink.holds('open', document.treeinfo!)).toBe(true);
});

test('one that is missing costs a question a read while the repository is young, and one an hour later', async () => {
  const { origin, clock, read } = await bench();
  const first = await read();
  expect(first.asked).toEqual(['/r/.treeinfo 404', '/r/treeinfo 404']);
  expect([first.document.treeinfo, 'tree' in first.document]).toEqual([null, false]);
  expect((await read()).asked).toEqual(['/r/.treeinfo 404']);
  clock.advance(11 * minute);
  expect((await read()).asked).toEqual([]);
  clock.advance(60 * minute);
  expect((await read()).asked).toEqual(['/r/.treeinfo 404']);
  origin.put('/r/.treeinfo', text);
  expect((await read()).document.treeinfo).toBeNull();
  // Who asks by hand hears at once.
  expect((await read(true)).document.treeinfo?.digest).toBe(digestOf(text));
});

test('one under the other name only is the same to clients, and asked for by that name', async () => {
  const { origin, clock, read } = await bench();
  origin.put('/r/treeinfo', text);
  expect((await read()).document.treeinfo?.digest).toBe(digestOf(text));
  clock.advance(2 * minute);
  await read();
  expect((await read()).asked).toEqual(['/r/treeinfo 304']);
});

test.each([
  ['a page that says sorry', portalPage()],
  ['an error of the server', status(500)],
  ['a refusal', status(403)],
] as const)('%s in its place stops nothing: the tree stays as it was, and that is said once', async (_what, rule) => {
  const { origin, clock, warned, read } = await bench();
  origin.put('/r/.treeinfo', text);
  const first = await read();
  clock.advance(2 * minute);
  origin.on('/r/.treeinfo', rule);
  origin.on('/r/treeinfo', rule);
  expect((await read()).document).toEqual(first.document);
  expect((await read()).document).toEqual(first.document);
  expect(warned).toEqual(['.treeinfo cannot be read: the tree stays as it was']);
});

test('one that is taken away upstream is no longer of the repository', async () => {
  const { origin, read } = await bench();
  origin.put('/r/.treeinfo', text);
  await read();
  origin.on('/r/.treeinfo', status(404));
  const { document } = await read();
  expect([document.treeinfo, 'tree' in document]).toEqual([null, false]);
});

test('without a tree before, a page that says sorry is none, and the repository is read', async () => {
  const { origin, read } = await bench();
  origin.on(/treeinfo/, portalPage());
  const { document } = await read();
  expect([document.treeinfo, Object.keys(document.records).length]).toEqual([null, 2]);
});

test('a hostile one is counted: what leads out of the tree, has no checksum or is beyond all bounds is not of it', async () => {
  const { origin, warned, read } = await bench();
  const many = Array.from({ length: 1_200 }, (_, at) => `images/${at} = ${digestOf(String(at))}`).join('\n');
  origin.put('/r/.treeinfo', `[checksums]\n../../etc/passwd = ${digestOf('x')}\nimages/boot.iso = none\n${many}\n`);
  const { document } = await read();
  expect(Object.keys(document.tree!.files)).toHaveLength(1_000);
  expect(document.tree!.unusable).toBe(202);
  expect(warned).toEqual(['some checksums of .treeinfo are of no use: what they name is not proven by them']);
});

test('an upstream that goes away in its midst fails the read, which is repeated', async () => {
  const { origin, read } = await bench();
  origin.put('/r/.treeinfo', text);
  const cut = origin.on('/r/.treeinfo', cutAt(10));
  await expect(read()).rejects.toMatchObject({ code: 'upstream_cut' });
  cut.remove();
  expect((await read()).document.treeinfo?.digest).toBe(digestOf(text));
});
