import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Seeded } from '../../simulation/seeded.ts';
import { answer, ScriptedServer } from '../wire/scripted-server.ts';
import { Gets } from './gets.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

const [rounds, atATime] = [150, 4];

/** Bytes in pieces that end anywhere. */
function split(bytes: Buffer, random: Seeded): Buffer[] {
  const cuts = Array.from({ length: random.whole(0, 4) }, () => random.whole(0, bytes.length));
  const ends = [...cuts.toSorted((one, other) => one - other), bytes.length];
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

/** What is wrong with an answer: other bytes of it, and how it goes on. */
type Fault = (bytes: Buffer, random: Seeded, socket: Socket) => { readonly bytes: Buffer; readonly next?: () => void };

const flipped: Fault = (bytes, random) => {
  const other = Buffer.from(bytes);
  const at = random.whole(0, other.length - 1);
  other[at] = (other[at] ?? 0) ^ (1 << random.whole(0, 7));
  return { bytes: other };
};
const short = (bytes: Buffer, random: Seeded): Buffer => bytes.subarray(0, random.whole(0, bytes.length - 1));
const ended: Fault = (bytes, random, socket) => ({ bytes: short(bytes, random), next: () => void socket.end() });
const reset: Fault = (bytes, random, socket) => ({ bytes: short(bytes, random), next: () => socket.resetAndDestroy() });
const silent: Fault = (bytes, random) => ({
  bytes: short(bytes, random),
  next: () => void vi.advanceTimersByTime(2500),
});
const long: Fault = (bytes, random) => ({ bytes: Buffer.concat([bytes, random.bytes(random.whole(1, 50))]) });
const twice: Fault = (bytes) => ({ bytes: Buffer.concat([bytes, bytes]) });

test('whatever comes in whatever pieces, each GET ends once, and what is put is right', async () => {
  const random = new Seeded(7);
  const files = Array.from({ length: 20 }, () => random.bytes(random.one([0, 1, 100, 5000, 70_000, 200_000])));
  let put = 0;
  const writing: Promise<void>[] = [];
  await using server = await ScriptedServer.start((socket) => {
    const name = Number(/\d+/.exec(server.requests.at(-1) ?? '')?.[0]);
    const honest = answer(files[name] ?? '', random.chance(0.1) ? 'Connection: close' : 'Date: now');
    const none: Fault = (bytes) => ({ bytes });
    const fault = random.one([none, none, none, none, none, flipped, ended, reset, silent, long, twice]);
    const { bytes, next } = fault(honest, random, socket);
    const write = async (): Promise<void> => {
      for (const piece of split(bytes, random)) {
        socket.write(piece);
        for (let turns = random.whole(0, 3); turns > 0; turns -= 1) await setImmediate();
      }
      next?.();
    };
    writing.push(write());
  });
  using gets = new Gets(server.url);
  for (let round = 0; round < rounds; round += 1) {
    const asked = Array.from({ length: atATime }, () => random.whole(0, files.length - 1));
    gets.full = random.chance(0.1);
    const ends = await Promise.all(asked.map((name) => gets.get(`/${name}`, files[name] ?? '')));
    for (const [at, end] of ends.entries()) {
      const listed = files[asked[at] ?? 0];
      const proven = end.failure === null || end.failure === 'unputtable';
      expect(proven).toBe((end.put ?? end.proven) !== null);
      if (proven) expect(listed?.equals(end.put ?? end.proven ?? Buffer.of(1))).toBe(true);
      if (proven) put += 1;
    }
    if (random.chance(0.05)) gets.cut();
  }
  await Promise.all(writing);
  expect(put).toBeGreaterThan((rounds * atATime) / 3);
});
