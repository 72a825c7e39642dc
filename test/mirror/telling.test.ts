import { expect, test } from 'vitest';
import { TellingLoader } from '../../mirror/telling.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';

const patient = new AbortController().signal;

test('a loader that tells when its file was received passes on all else', async () => {
  const asked: string[] = [];
  const loader = new TellingLoader(
    {
      open: (offset, signal) => new ScriptedLoader([{ bytes: Buffer.from('rpm') }]).open(offset, signal),
      lied: () => void asked.push('lied'),
      turn: () => asked.push('turn') > 0,
      done: () => void asked.push('done'),
      hurry: () => void asked.push('hurry'),
    },
    () => asked.push('received'),
  );
  expect(loader.turn(patient)).toBe(true);
  const transfer = await loader.open(0, patient);
  loader.hurry();
  await transfer.consume(() => {});
  loader.received();
  loader.lied(transfer);
  loader.done();
  expect(asked).toEqual(['turn', 'hurry', 'received', 'lied', 'done']);
});
