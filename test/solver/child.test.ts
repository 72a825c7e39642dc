import { expect, test } from 'vitest';
import { runChild } from '../../solver/child.ts';
import type { ChildOptions } from '../../solver/child.ts';

const shell = (script: string, more: Partial<ChildOptions> = {}): ChildOptions => ({
  program: '/bin/sh',
  words: ['-c', script],
  input: '',
  folder: '/',
  environment: {},
  time: 60_000,
  mostOutput: 1_000,
  ...more,
});
const never = new AbortController().signal;

test('a program gets its input and only its own environment, and its output comes back', async () => {
  const result = await runChild(
    shell('cat; echo "$A$HOME" >&2; exit 3', { input: 'in', environment: { A: 'x' } }),
    never,
  );
  expect(result).toEqual({ code: 3, output: 'in', said: 'x\n', killed: null });
});

test('one that takes too long, or says too much, is killed', async () => {
  expect(await runChild(shell('exec sleep 1000', { time: 50 }), never)).toMatchObject({ code: null, killed: 'time' });
  expect(await runChild(shell('exec yes', { mostOutput: 10 }), never)).toMatchObject({ code: null, killed: 'output' });
});

test('one that is called off is gone when that is told', async () => {
  const call = new AbortController();
  const running = runChild(shell('echo $$; exec sleep 1000', { mostOutput: 100 }), call.signal);
  call.abort(new Error('called off'));
  await expect(running).rejects.toThrow('called off');
});

test('one that cannot be started ended without a code', async () => {
  const result = await runChild({ ...shell(''), program: '/nonexistent' }, never);
  expect([result.code, result.said]).toEqual([null, expect.stringContaining('ENOENT')]);
});
