import { createServer } from 'node:net';
import { systemCode } from '../base/errors.ts';

/** Held until it is released, or the process ends, however that comes. */
export interface TakenName {
  release(): void;
}

/**
 * Takes a name in the abstract socket namespace for this process. Nothing is written, so it works on a read-only mount.
 * Processes in other network namespaces do not see it.
 * @returns null when another process has it.
 * @throws the system's error when no name can be taken.
 */
export async function takeName(name: string): Promise<TakenName | null> {
  const server = createServer((socket) => socket.destroy());
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(`\0${name}`, () => resolve(true));
  });
  if (!taken) return null;
  server.unref();
  return { release: () => void server.close() };
}
