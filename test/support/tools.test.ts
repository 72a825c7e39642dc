import { expect, test } from 'vitest';
import { tool } from './tools.ts';

test('a command that is on the machine is not missing', () => {
  expect(tool('git').missing).toBeNull();
});
test('a command that nobody listed for installation is refused', () => {
  expect(() => tool('no-such-command')).toThrow('tools.txt');
});
