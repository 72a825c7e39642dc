import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { tool } from '../tools.ts';
import { serveControl } from './control.ts';
import { PulpRest } from './rest.ts';
import { seed } from './seed.ts';
import type { Seeded } from './seed.ts';
import { startPulp } from './server.ts';
import { adminPassword, installPulp } from './workshop.ts';

/** The hub of this run, as suites are told of it: plain data, it crosses processes. */
export interface PulpAddress {
  readonly apiOrigin: string;
  readonly contentOrigin: string;
  readonly control: string;
  readonly admin: { readonly username: string; readonly password: string };
  readonly seeded: Seeded;
}

declare module 'vitest' {
  export interface ProvidedContext {
    /** Or why there is none, for people. */
    pulp: PulpAddress | string;
  }
}

/** Starts one seeded hub for all suites of the project; vitest calls it only when a suite of the project will run. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const reasons = needs().flatMap(({ missing }) => missing ?? []);
  if (reasons.length > 0) {
    project.provide('pulp', reasons.join('; '));
    return undefined;
  }
  try {
    await installPulp();
  } catch (error) {
    // Without a package index there is no Pulp; pip's last line says so.
    const words = (error as Error).message.trim().split('\n');
    project.provide('pulp', `Pulp cannot be installed: ${words.at(-1)}`);
    console.error((error as Error).message);
    return undefined;
  }
  const server = await startPulp();
  try {
    const admin = { username: 'admin', password: adminPassword };
    const seeded = await seed(server, new PulpRest({ origin: server.apiOrigin, ...admin }));
    const control = await serveControl(server);
    const { apiOrigin, contentOrigin } = server;
    project.provide('pulp', { apiOrigin, contentOrigin, control: control.origin, admin, seeded });
    return async () => {
      await control.close();
      await server.close();
    };
  } catch (error) {
    console.error(await readFile(join(server.directory, 'api.log'), 'utf8'));
    await server.close();
    throw error;
  }
}

function needs(): readonly { readonly missing: string | null }[] {
  const names = [
    'python3',
    '/usr/lib/postgresql/*/bin/postgres',
    'flock',
    'setpriv',
    'rpmbuild',
    'rpmsign',
    'gpg',
    'openssl',
  ];
  return names.map(tool);
}
