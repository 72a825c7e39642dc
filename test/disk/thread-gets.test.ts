import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { PlainThread } from '../../base/plain-get.ts';
import { fileThreadProgram } from '../../disk/file-thread-program.ts';
import { ThreadGets } from '../../disk/thread-gets.ts';
import type { GetsAnswer, GetsMessage } from '../../disk/thread-gets.ts';

const place = { host: 'hub.example', port: 80, secure: false, fields: '\r\n' };
const end = { failure: null, date: null, received: 9, proven: null };

describe('what the thread is told', () => {
  function recorded(): { readonly gets: ThreadGets; readonly messages: GetsMessage[]; readonly add: () => void } {
    const messages: GetsMessage[] = [];
    const gets = new ThreadGets((message) => void messages.push(message));
    const request = { place, target: '/a', source: '/a', ended: () => {} };
    const add = (): void => gets.add({ path: '/part', request, size: 5, sha256: 'ab', fetched: () => {} });
    return { gets, messages, add };
  }

  test('is what was asked for in one turn together, and each place once', async () => {
    const { messages, add } = recorded();
    for (let round = 0; round < 2; round += 1) {
      for (let count = 0; count < 3; count += 1) add();
      await vi.waitFor(() => expect(messages).toHaveLength(round + 1), { interval: 1 });
    }
    const jobs = (...numbers: number[]) => numbers.flatMap((number) => [number, 1, '/a', '/part', 5, 'ab']);
    expect(messages).toEqual([
      { places: [[1, place]], gets: jobs(1, 2, 3), cut: false },
      { places: [], gets: jobs(4, 5, 6), cut: false },
    ]);
  });

  test('is nothing where there is nothing to do: the process would wait for an answer', async () => {
    const { gets, messages, add } = recorded();
    gets.cut();
    expect(messages).toEqual([]);
    add();
    gets.cut();
    expect(messages).toMatchObject([{ places: [[1, place]], cut: true }]);
    // What was gathered would have been sent by then.
    await sleep(20);
    expect(messages).toHaveLength(1);
  });
});

describe('what the thread tells', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  test('is told at once when nothing is under way any more, and else together a moment later', () => {
    const told: number[] = [];
    let hear = (_message: GetsMessage): void => {};
    const parentPort = {
      on: (_event: string, handler: typeof hear) => (hear = handler),
      postMessage: ({ ended }: GetsAnswer) => told.push(ended.length / 5),
    };
    let thread: PlainThread | null = null;
    const program = (_load: unknown, given: PlainThread) => {
      thread = given;
      return { place: () => {}, get: () => {}, cut: () => {} };
    };
    const workerData = { tray: new SharedArrayBuffer(8), stamp: 0 };
    fileThreadProgram({ parentPort, workerData } as never, fs, { program, load: () => null });
    const begin = (count: number): void =>
      hear({ places: [], gets: Array.from({ length: count }, () => [1, 1, '/', '/part', 5, 'ab']).flat(), cut: false });
    const ends = (): void => thread?.ended(1, end);

    begin(1);
    ends();
    expect(told).toEqual([1]);
    begin(4);
    ends();
    ends();
    expect(told).toEqual([1]);
    vi.advanceTimersByTime(2);
    expect(told).toEqual([1, 2]);
    ends();
    ends();
    expect(told).toEqual([1, 2, 2]);
    vi.advanceTimersByTime(10);
    expect(told).toEqual([1, 2, 2]);
  });
});
