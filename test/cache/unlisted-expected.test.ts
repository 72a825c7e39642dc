import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Algorithm } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { bytesBelow, file, flipped, mebibyte } from './pieces.ts';
import { fixture } from './unlisted-fixture.ts';

/** Under which outcome a client got which bytes, or why it did not get them all. */
function told(got: { outcome: string; bytes: Buffer; error: Error | null } | null): readonly unknown[] {
  return [got?.outcome, got?.error ?? digestOf(got?.bytes ?? '')];
}

const fiveMinutes = 5 * 60_000;
const { bytes } = file(300_000);

test.each<Algorithm>(['sha256', 'md5'])(
  'a file that is what its tree lists by %s is kept as that',
  async (algorithm) => {
    await using f = await fixture();
    f.upstream.say({ bytes });
    const expected = digestOf(bytes, algorithm);
    expect(told(await f.get(expected))).toEqual(['unlisted-miss', digestOf(bytes)]);
    f.clock.advance(fiveMinutes);
    // Its digest says that it is right: its lifetime is that of what lists it.
    expect(told(await f.get(expected))).toEqual(['unlisted-hit', digestOf(bytes)]);
    expect(f.upstream.asked.length).toBe(1);
  },
);

test.each([
  ['of known length', bytes.length],
  ['of unknown length', null],
])('a file %s that is another than its tree lists is cut short of its tail, and not kept', async (_what, total) => {
  await using f = await fixture();
  const wrong = flipped(bytes, bytes.length - 1);
  f.upstream.say({ bytes: wrong, total });
  const expected = digestOf(bytes);
  const got = await f.get(expected);
  expect(got!.error).toMatchObject({ code: 'upstream_lied' });
  expect(got!.bytes.length).toBeLessThanOrEqual(bytes.length - 65_536);
  expect(got!.bytes.equals(bytes.subarray(0, got!.bytes.length))).toBe(true);
  expect(await f.unlisted.holds('base', 'images/boot.iso', 'open')).toBe(false);
  expect([f.space.used, f.space.reserved]).toEqual([await bytesBelow(f.layout.blobs, f.layout.parts), 0]);
  f.upstream.say({ bytes, total });
  expect(told(await f.get(expected))).toEqual(['unlisted-miss', digestOf(bytes)]);
});

test('a file of one byte is held back whole', async () => {
  await using f = await fixture();
  f.upstream.say({ bytes: Buffer.from('x') });
  expect(await f.get(digestOf(Buffer.from('y')))).toMatchObject({
    error: { code: 'upstream_lied' },
    bytes: Buffer.of(),
  });
});

test('a kept copy that a newer tree does not list is fetched again, and stays when what comes is wrong', async () => {
  await using f = await fixture();
  const young = file(200_000);
  f.upstream.say({ bytes }, { bytes: flipped(young.bytes, 7) }, { bytes: young.bytes });
  await f.get(digestOf(bytes));
  const expected = digestOf(young.bytes);
  expect((await f.get(expected))!.error).toMatchObject({ code: 'upstream_lied' });
  // Asked for whole, without validators; the copy is still the old one, and right for who has the old tree.
  expect(f.upstream.asked).toEqual([null, null]);
  expect(told(await f.get(digestOf(bytes)))).toEqual(['unlisted-hit', digestOf(bytes)]);
  expect(told(await f.get(expected))).toEqual(['unlisted-miss', digestOf(young.bytes)]);
  expect(told(await f.get(expected))).toEqual(['unlisted-hit', digestOf(young.bytes)]);
});

test('a copy that is known to be of another tree is not served while the upstream is gone', async () => {
  await using f = await fixture();
  f.upstream.say({ bytes }, new WaystationError('upstream_unreachable', 'gone'));
  await f.get();
  await expect(f.get(digestOf(file(10).bytes))).rejects.toMatchObject({ code: 'upstream_unreachable' });
  expect(told(await f.get())).toEqual(['unlisted-hit', digestOf(bytes)]);
});

test('a file that was kept before anything listed it is known again by its sha256, else fetched once more', async () => {
  await using f = await fixture();
  f.upstream.say({ bytes }, { bytes });
  await f.get();
  expect(await f.get(digestOf(bytes))).toMatchObject({ outcome: 'unlisted-hit' });
  expect(told(await f.get(digestOf(bytes, 'sha512')))).toEqual(['unlisted-miss', digestOf(bytes)]);
  expect(told(await f.get(digestOf(bytes, 'sha512')))).toEqual(['unlisted-hit', digestOf(bytes)]);
  expect(f.upstream.asked.length).toBe(2);
});

test.each([bytes.length, null])(
  'without room it is passed on all the same, and its tail (length %j) only when right',
  async (total) => {
    await using f = await fixture({ limits: { max: () => 0, keepFree: () => 0 } });
    const expected = digestOf(bytes);
    f.upstream.say({ bytes, total }, { bytes: flipped(bytes, 1), total });
    expect(told(await f.get(expected))).toEqual(['bypass', digestOf(bytes)]);
    const got = await f.get(expected);
    expect(got!.error).toMatchObject({ code: 'upstream_lied' });
    expect(got!.bytes.length).toBeLessThanOrEqual(bytes.length - 65_536);
  },
);

test('a large one without room is paced by its client', async () => {
  await using f = await fixture({ limits: { max: () => 0, keepFree: () => 0 } });
  const large = file(5 * mebibyte);
  f.upstream.say({ bytes: large.bytes });
  expect(told(await f.get(digestOf(large.bytes)))).toEqual(['bypass', digestOf(large.bytes)]);
});
