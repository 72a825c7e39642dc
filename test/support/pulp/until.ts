import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks again and again until the answer is yes: for servers of others, which have no gate to wait at.
 * @throws Error when it is still no after `milliseconds`, and whatever `ask` throws.
 */
export async function until(what: string, milliseconds: number, ask: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`waited ${milliseconds / 1000} s for ${what} in vain`);
    await pause(100);
  }
}
