import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { succeed } from '../command.ts';
import { createCluster, createDatabase, startPostgres } from './postgres.ts';
import { environment, layOut, pythonCommand, requirementsFile, workshop } from './recipe.ts';

/** The password of Pulp's user `admin`. */
export const adminPassword = 'hub-for-tests';

/** A migrated database without content, and the key of its encrypted fields: copied for each run. */
export const template = join(workshop, 'template');

/**
 * Installs Pulp into a Python environment that later runs use again: half a minute with a near package index. Such an
 * environment cannot be moved once made, and two runs must not make it at the same time: hence the lock.
 * @throws Error with pip's words when the packages cannot be had.
 */
export async function installPulp(): Promise<void> {
  await mkdir(workshop, { recursive: true });
  // PostgreSQL's user has to get through to its data.
  await chmod(workshop, 0o711);
  const done = join(workshop, 'venv/complete');
  if (existsSync(done)) return;
  const script =
    'test -e "$3" || { rm -rf "$1" && python3 -m venv "$1" && "$1/bin/pip" install -q --disable-pip-version-check -r "$2" && touch "$3"; }';
  const args = [join(workshop, 'lock'), 'sh', '-c', script, 'sh', join(workshop, 'venv'), requirementsFile, done];
  await succeed('flock', args);
}

/** Makes the template unless an earlier run did. */
export async function makeTemplate(): Promise<void> {
  if (existsSync(template)) return;
  const building = `${template}-${process.pid}`;
  await rm(building, { recursive: true, force: true });
  await mkdir(building);
  try {
    await writeFile(join(building, 'fields.key'), randomBytes(32).toString('base64'), { mode: 0o600 });
    await createCluster(join(building, 'data'));
    const postgres = await startPostgres(join(building, 'data'));
    try {
      await createDatabase(postgres.socket);
      const contentOrigin = 'http://content.invalid';
      await layOut({ directory: building, socket: postgres.socket, contentOrigin });
      const run = { cwd: building, env: environment(building) };
      await succeed(pythonCommand('pulpcore-manager'), ['migrate', '--noinput'], run);
      await succeed(pythonCommand('pulpcore-manager'), ['reset-admin-password', '--password', adminPassword], run);
    } finally {
      await postgres.stop();
    }
    await rename(building, template);
  } catch (error) {
    // Another run was faster: its template is as good.
    if (!existsSync(template)) throw error;
  } finally {
    await rm(building, { recursive: true, force: true });
  }
}
