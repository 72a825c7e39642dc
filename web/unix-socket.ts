import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { systemCode } from '../base/errors.ts';

/**
 * Removes a socket file that a killed process left behind.
 * @returns whether it was one: nobody answers there any more. False leaves it alone.
 */
export async function removeStaleSocket(path: string): Promise<boolean> {
  // Connecting to an ordinary file is refused as well.
  if (!(await lstat(path)).isSocket() || (await answerOf(path)) !== 'ECONNREFUSED') return false;
  await unlink(path);
  return true;
}

/** Null when somebody accepts the connection, else the system's error code. */
function answerOf(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('error', (error) => resolve(systemCode(error)));
  });
}
