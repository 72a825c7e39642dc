import { describe, expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { Room } from '../../cache/space/room.ts';
import { Space } from '../../cache/space/space.ts';
import type { SpaceLimits } from '../../cache/space/space.ts';
import { FaultyDisk } from '../support/faulty-disk.ts';
import { StandingClock } from '../support/standing-clock.ts';
import { roomy } from './pieces.ts';

interface Fixture {
  readonly space: Space;
  readonly disk: FaultyDisk;
  readonly clock: StandingClock;
}

function fixture(limits: SpaceLimits = roomy, free = 1_000): Fixture {
  const disk = new FaultyDisk();
  disk.setSpace({ free, total: 10_000 });
  const clock = new StandingClock();
  return { space: new Space({ disk, root: '/', limits, clock }), disk, clock };
}

const max = (bytes: number): SpaceLimits => ({ max: () => bytes, keepFree: () => 0 });
const keepFree = (bytes: number): SpaceLimits => ({ max: () => 2 ** 40, keepFree: () => bytes });

describe('the most that may be used', () => {
  test('counts what is stored, what is found and what is promised', async () => {
    const { space } = fixture(max(100));
    space.adjust(20);
    const first = await space.reserve(50);
    const second = await space.reserve(30);
    expect([first === null, second === null, await space.reserve(1)]).toEqual([false, false, null]);
    first?.commit(50);
    expect([space.used, space.reserved, await space.reserve(1)]).toEqual([70, 30, null]);
    second?.release();
    expect([space.used, space.reserved, (await space.reserve(30)) === null]).toEqual([70, 0, false]);
  });

  test('counts a part that is gone on with once', async () => {
    const { space } = fixture(max(100));
    space.adjust(60);
    expect(await space.reserve(101, 60)).toBeNull();
    expect(space.used).toBe(60);
    const reservation = await space.reserve(100, 60);
    expect([space.used, space.reserved]).toEqual([0, 100]);
    reservation?.commit(70);
    expect([space.used, space.reserved]).toEqual([70, 0]);
  });

  test('holds for a reservation that grows', async () => {
    const { space } = fixture(max(100));
    const reservation = await space.reserve(50);
    expect([reservation?.grow(50), reservation?.grow(1)]).toEqual([true, false]);
    reservation?.commit(80);
    expect([space.used, space.reserved, reservation?.grow(1)]).toEqual([80, 0, false]);
  });

  test('ends a reservation once, however often it is told to', async () => {
    const { space } = fixture(max(100));
    const reservation = await space.reserve(50);
    reservation?.commit(40);
    reservation?.release();
    reservation?.commit(50);
    reservation?.wrote(10);
    expect([space.used, space.reserved]).toEqual([40, 0]);
  });
});

describe('what stays free', () => {
  test('holds against what was promised but not yet written, however long ago', async () => {
    const { space, clock } = fixture(keepFree(100), 1_000);
    const slow = await space.reserve(800);
    clock.advance(60_000);
    // The file system shows nothing of it yet.
    expect(await space.reserve(101)).toBeNull();
    expect(await space.reserve(100)).not.toBeNull();
    slow?.release();
    clock.advance(60_000);
    expect(await space.reserve(800)).not.toBeNull();
  });

  test('counts written bytes once: until the file system shows them, and then there', async () => {
    const { space, disk, clock } = fixture(keepFree(100), 1_000);
    const slow = await space.reserve(800);
    slow?.wrote(600);
    expect(await space.reserve(101)).toBeNull();
    disk.setSpace({ free: 400, total: 10_000 });
    clock.advance(60_000);
    expect(await space.reserve(101)).toBeNull();
    expect(await space.reserve(100)).not.toBeNull();
    slow?.commit(800);
    disk.setSpace({ free: 200, total: 10_000 });
    clock.advance(60_000);
    expect(await space.reserve(1)).toBeNull();
  });

  test('is kept after a commit that no statfs shows yet', async () => {
    const { space } = fixture(keepFree(0), 1_000);
    (await space.reserve(900))?.commit(900);
    expect(await space.reserve(101)).toBeNull();
    expect(await space.reserve(100)).not.toBeNull();
  });

  test('asks only for the rest of a part that is gone on with', async () => {
    const { space } = fixture(keepFree(100), 1_000);
    space.adjust(5_000);
    expect(await space.reserve(5_901, 5_000)).toBeNull();
    expect(await space.reserve(5_900, 5_000)).not.toBeNull();
  });

  test('a part that begins anew is to be written again', async () => {
    const { space, disk, clock } = fixture(keepFree(0), 1_000);
    const reservation = await space.reserve(600);
    reservation?.wrote(600);
    reservation?.wrote(0);
    disk.setSpace({ free: 1_000, total: 10_000 });
    clock.advance(1_000);
    expect(await space.reserve(401)).toBeNull();
    expect(await space.reserve(400)).not.toBeNull();
  });

  test('is measured once a second at most', async () => {
    const { space, disk, clock } = fixture();
    await space.reserve(1);
    disk.setSpace({ free: 0, total: 10_000 });
    clock.advance(999);
    expect(await space.reserve(1)).not.toBeNull();
    clock.advance(1);
    expect(await space.reserve(1)).toBeNull();
  });
});

describe('the state', () => {
  test('is full for a minute after a refusal, or until something fits again', async () => {
    const { space, clock } = fixture(max(10));
    await space.reserve(11);
    expect([space.state, space.reason]).toEqual(['full', expect.stringContaining('cache.max')]);
    clock.advance(60_000);
    expect([space.state, space.reason]).toEqual(['ok', null]);
    await space.reserve(11);
    await space.reserve(1);
    expect(space.state).toBe('ok');
  });

  test('says which limit refused', async () => {
    const { space, disk, clock } = fixture(keepFree(900));
    await space.reserve(101);
    expect(space.reason).toContain('cache.keepFree');
    disk.setSpace({ free: 1_000, total: 10_000, freeFiles: 3 });
    clock.advance(1_000);
    await space.reserve(1);
    expect(space.reason).toContain('inodes');
  });

  test.each([
    ['disk_full', 'full'],
    ['disk_read_only', 'read-only'],
    ['disk_failing', 'failing'],
  ] as const)('after %s is %s: nothing is stored for 5 s, and a write that succeeds heals', async (code, state) => {
    const { space, clock } = fixture();
    space.failed(new WaystationError(code, 'sick'));
    expect([space.state, await space.reserve(1)]).toEqual([state, null]);
    clock.advance(4_999);
    expect(await space.reserve(1)).toBeNull();
    clock.advance(1);
    expect(await space.reserve(1)).not.toBeNull();
    expect(space.state).toBe(state);
    space.healed();
    expect(space.state).toBe('ok');
  });

  test('is failing when the file system cannot be measured', async () => {
    const { space, disk } = fixture();
    Object.assign(disk, { space: () => Promise.reject(new Error('EIO')) });
    expect([await space.reserve(1), space.state]).toEqual([null, 'failing']);
  });
});

describe('before what an earlier run left is counted', () => {
  const mebibyte = 1024 * 1024;
  const counting = (most: number, free: number) => {
    const disk = new FaultyDisk();
    disk.setSpace({ free, total: 1000 * mebibyte });
    const limits: SpaceLimits = { max: () => most, keepFree: () => 0 };
    return new Space({ disk, root: '/', limits, clock: new StandingClock(), counting: true });
  };

  test('all that the disk holds is taken to be ours, but for 48 MiB', async () => {
    const space = counting(100 * mebibyte, 900 * mebibyte);
    const first = await space.reserve(48 * mebibyte);
    expect([first === null, await space.reserve(1)]).toEqual([false, null]);
    first?.release();
    expect((await space.reserve(40 * mebibyte)) === null).toBe(false);
    space.counted();
    await space.whenCounted;
    expect((await space.reserve(60 * mebibyte)) === null).toBe(false);
    expect(await space.reserve(1)).toBeNull();
  });

  test('what the disk cannot hold already may be stored', async () => {
    const space = counting(500 * mebibyte, 900 * mebibyte);
    expect((await space.reserve(400 * mebibyte)) === null).toBe(false);
    expect(await space.reserve(mebibyte)).toBeNull();
  });

  test('who needs more waits for the count', async () => {
    const space = counting(100 * mebibyte, 900 * mebibyte);
    const room = new Room({ space, clock: new StandingClock(), makeRoom: () => Promise.resolve() });
    const reserving = room.reserve(60 * mebibyte);
    space.counted();
    expect((await reserving) === null).toBe(false);
  });
});
