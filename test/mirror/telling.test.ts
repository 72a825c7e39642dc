import { expect, test } from 'vitest';
import { TellingLoader } from '../../mirror/telling.ts';
import { ScriptedLoader } from '../support/scripted-loader.ts';

const patient = new AbortController().signal;

test('a loader that tells when a transfer ended passes on whose turn it is, and who is in a hurry', async () => {
  const asked: string[] = [];
  const loader = new TellingLoader(
    {
      open: (offset, signal) => new ScriptedLoader([{ bytes: Buffer.from('rpm') }]).open(offset, signal),
      lied: () => {},
      turn: async () => asked.push('turn') > 0,
      done: () => void asked.push('done'),
      hurry: () => void asked.push('hurry'),
    },
    () => asked.push('ended'),
  );
  expect(await loader.turn?.(patient)).toBe(true);
  const transfer = await loader.open(0, patient);
  loader.hurry?.();
  await transfer.consume(() => {});
  loader.done?.();
  expect(asked).toEqual(['turn', 'hurry', 'ended', 'done']);
});
