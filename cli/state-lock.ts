import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { systemCode, WaystationError } from '../base/errors.ts';

/** Held while one process owns a state directory. */
export interface StateLock {
  release(): void;
}

/**
 * Takes a state directory for this process: by a name in the abstract socket namespace, made of its device and inode.
 * The kernel gives it back when the process ends, however that comes; nothing is written, so it works on a read-only
 * mount. Processes in other network namespaces do not see it: one state directory belongs to one container.
 * @throws WaystationError `state_locked`
 */
export async function lockState(directory: string): Promise<StateLock> {
  const { dev, ino } = await stat(directory);
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const inUse = systemCode(cause) === 'EADDRINUSE';
      const reason = inUse ? 'another waystation process uses it' : String(cause);
      reject(
        new WaystationError('state_locked', `state directory ${directory} cannot be locked: ${reason}`, { cause }),
      );
    });
    server.listen(`\0waystation-state-${dev}-${ino}`, resolve);
  });
  server.unref();
  return { release: () => void server.close() };
}
