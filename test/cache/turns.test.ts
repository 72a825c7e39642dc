import { expect, test } from 'vitest';
import { systemDisk } from '../../disk/disk.ts';
import type { Loader } from '../../base/transfer.ts';
import { Maps } from '../../cache/maps.ts';
import { CacheSink } from '../../cache/sink.ts';
import { Gate } from '../support/faulty-origin-gate.ts';
import { passed, ScriptedLoader } from '../support/scripted-loader.ts';
import { file, idle, mebibyte, pieces, readAll } from './pieces.ts';
import type { Pieces } from './pieces.ts';

const patient = new AbortController().signal;

function sinkOf({ layout, blobs, claims, fills, space }: Pieces): CacheSink {
  const maps = new Maps(systemDisk, layout);
  return new CacheSink({ disk: systemDisk, layout, blobs, fills, maps, space, room: space, claims });
}

/** A loader that others come before, and what it was told. */
function waiting(loader: ScriptedLoader, gate: Gate): Loader & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    open: (offset, signal) => loader.open(offset, signal),
    lied: (transfer) => loader.lied(transfer),
    turn: async (signal) => {
      await passed(gate, signal);
      told.push('turn');
      return true;
    },
    done: () => void told.push('done'),
    hurry: () => void told.push('hurry'),
  };
}

test('a sync reserves nothing for a file before it is its turn, and gives the turn back', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(mebibyte);
  const gate = new Gate();
  const loader = waiting(new ScriptedLoader([{ bytes }]), gate);
  const held = sinkOf(store).ensure('open', listed, loader, patient);
  await gate.reached;
  expect([store.space.reserved, store.fills.active]).toEqual([0, 0]);
  gate.open();
  await held;
  expect(loader.told).toEqual(['turn', 'done']);
});

test('a file that came while a sync waited for its turn is not fetched again', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(mebibyte);
  const gate = new Gate();
  const own = new ScriptedLoader([]);
  const loader = waiting(own, gate);
  const sink = sinkOf(store);
  const held = sink.ensure('open', listed, loader, patient);
  await gate.reached;
  await sink.ensure('open', listed, new ScriptedLoader([{ bytes }]), patient);
  await idle(store);
  gate.open();
  await held;
  expect(own.opened).toEqual([]);
  expect(loader.told).toEqual(['turn', 'done']);
});

test('a sync that is called off while it waits gives up its turn', async () => {
  await using store = await pieces();
  const gate = new Gate();
  const off = new AbortController();
  const loader = waiting(new ScriptedLoader([]), gate);
  const held = sinkOf(store).ensure('open', file(mebibyte).listed, loader, off.signal);
  await gate.reached;
  off.abort(new Error('over'));
  await expect(held).rejects.toThrow('over');
  expect(loader.told).toEqual(['done']);
});

test('a client that joins a fill hurries its transfer', async () => {
  await using store = await pieces();
  const { bytes, listed } = file(3 * mebibyte);
  const gate = new Gate();
  const open = new Gate();
  open.open();
  const loader = waiting(new ScriptedLoader([{ bytes, stall: { at: mebibyte, gate } }]), open);
  const held = sinkOf(store).ensure('open', listed, loader, patient);
  await gate.reached;
  expect(loader.told).toEqual(['turn']);
  const { source, outcome } = await store.fills.open({ scope: 'open', listed, loader: () => loader }, 0);
  expect(outcome).toBe('collapsed');
  expect(loader.told).toEqual(['turn', 'hurry']);
  gate.open();
  expect((await readAll(source)).bytes.equals(bytes)).toBe(true);
  await held;
});
