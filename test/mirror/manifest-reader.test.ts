import { expect, onTestFinished, test } from 'vitest';
import { digestOf, hexOf } from '../../base/digest.ts';
import { silentLogger } from '../../base/log.ts';
import { ContentReader } from '../../mirror/content-reader.ts';
import { ensureNewest } from '../../mirror/newest-packages.ts';
import type { ReadRequest, ReadResult } from '../../mirror/repository-reader.ts';
import { FaultyOrigin, portalPage } from '../support/faulty-origin.ts';
import { MemorySink } from '../support/memory-sink.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { upstream } from '../support/upstream.ts';

const long = new AbortController().signal;
const manifest = (files: Record<string, string>): string =>
  Object.entries(files)
    .map(([name, bytes]) => `${name},${hexOf(digestOf(bytes))},${bytes.length}\n`)
    .join('');

async function bench() {
  const origin = await FaultyOrigin.start();
  onTestFinished(() => origin.stop());
  const sink = new MemorySink();
  const clock = new StandingClock(Date.now());
  const reader = new ContentReader({ sink, clock, log: silentLogger });
  const supplier = upstream([`${origin.url}f/`]);
  const repository = { path: 'f', content: 'file' as const, name: null, guard: null, scope: 'open', supplier };
  const progress = { expected: () => {}, done: () => {} };
  let previous: ReadResult | null = null;
  const read = async (changes: Partial<ReadRequest> = {}): Promise<ReadResult> => {
    const request = { repository, trust: null, previous, thorough: false, progress, ...changes };
    previous = await reader.read(request, long);
    return previous;
  };
  const statuses = (): readonly string[] => origin.requests.map(({ path, status }) => `${path} ${status}`);
  return { origin, sink, clock, read, statuses };
}

test('a manifest is the root of its repository, and names the map of its files', async () => {
  const { origin, sink, read, statuses } = await bench();
  const text = manifest({ 'a.iso': 'aaaa', 'sub/b.bin': 'b' });
  origin.put('/f/PULP_MANIFEST', text);
  const { document, packages } = await read();
  const repomd = { digest: digestOf(text), size: text.length };
  expect(document).toMatchObject({ content: 'file', repomd, records: {}, map: digestOf(text), treeinfo: null });
  expect(packages).toEqual({ packages: 2, bytes: 5, unservable: 0 });
  expect([...sink.wholeMap(digestOf(text))!.entries.keys()]).toEqual(['a.iso', 'sub/b.bin']);
  expect(sink.holds('open', repomd)).toBe(true);
  // Nothing else is asked for: no signature, no tree.
  expect(statuses()).toEqual(['/f/PULP_MANIFEST 200']);
});

test('one that did not change costs a conditional question, and gives an equal document', async () => {
  const { origin, clock, read, statuses } = await bench();
  origin.put('/f/PULP_MANIFEST', manifest({ a: 'a' }));
  const first = await read();
  clock.advance(2 * 60_000);
  await read();
  const third = await read();
  expect(third.document).toEqual(first.document);
  expect(statuses().map((each) => each.slice(-3))).toEqual(['200', '200', '304']);
  origin.put('/f/PULP_MANIFEST', manifest({ a: 'b' }));
  expect((await read()).document.map).not.toBe(first.document.map);
});

test('what is no manifest is none, and a signature that is asked for cannot be there', async () => {
  const { origin, read } = await bench();
  origin.on('/f/PULP_MANIFEST', portalPage());
  await expect(read()).rejects.toMatchObject({ code: 'metadata_invalid', message: /PULP_MANIFEST/ });
  origin.clear();
  origin.put('/f/PULP_MANIFEST', manifest({ a: 'a' }));
  await expect(read({ trust: { keys: [] } })).rejects.toMatchObject({ code: 'signature_missing' });
});

test('the newest of plain files are all of them: they have no versions', async () => {
  const { origin, sink, read } = await bench();
  origin.put('/f/PULP_MANIFEST', manifest({ 'a-1.tar': 'a', 'a-2.tar': 'aa' }));
  const { document } = await read();
  const name = await ensureNewest({ sink, path: 'f', document, versions: 1, log: silentLogger, signal: long });
  expect(sink.wholeMap(name!)?.entries.size).toBe(2);
});
