import { globSync } from 'node:fs';
import { chown, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { command, succeed } from '../command.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { until } from './until.ts';

/** PostgreSQL refuses to run as root; Debian's package brings this user. */
const user = process.getuid?.() === 0 ? 'postgres' : undefined;

/** Debian keeps the server's commands out of the PATH, a folder for each major version. */
export function postgresCommand(name: string): string | null {
  return globSync(`/usr/lib/postgresql/*/bin/${name}`).toSorted().at(-1) ?? null;
}

/** A database cluster in `data`, reached only through a socket in `data`/../socket. */
export interface Postgres {
  readonly socket: string;
  stop(): Promise<void>;
}

/** Makes an empty cluster with a superuser `pulp`. */
export async function createCluster(data: string): Promise<void> {
  await mkdir(data, { mode: 0o700 });
  await give(data);
  const args = ['-D', data, '-U', 'pulp', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'];
  await asUser([program('initdb'), ...args, '--auth-local=trust', '--auth-host=reject'], dirname(data));
}

/** Durability is off: this hub is made anew at each run. */
export async function startPostgres(data: string): Promise<Postgres> {
  const folder = dirname(data);
  const socket = join(folder, 'socket');
  await mkdir(socket, { recursive: true, mode: 0o700 });
  await give(socket);
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socket,
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
  };
  const logFile = join(folder, 'postgres.log');
  const server: Child = startChild({
    command: program('postgres'),
    args: ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: '/',
    logFile,
    ...(user === undefined ? {} : { user }),
  });
  await until('PostgreSQL to take connections', 30_000, async () => {
    if (!server.running) throw new Error(`PostgreSQL ended:\n${await readFile(logFile, 'utf8')}`);
    return (await command(program('pg_isready'), ['-h', socket, '-q'])).code === 0;
  });
  // SIGINT is PostgreSQL's fast shutdown.
  return { socket, stop: () => server.stop('SIGINT', 5000) };
}

export async function createDatabase(socket: string): Promise<void> {
  await succeed(program('createdb'), ['-h', socket, '-U', 'pulp', 'pulp']);
}

function program(name: string): string {
  const found = postgresCommand(name);
  if (found === null) throw new Error(`PostgreSQL's ${name} is missing`);
  return found;
}

async function asUser(args: readonly string[], cwd: string): Promise<void> {
  const as = user === undefined ? [] : [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  await succeed('setpriv', [...as, '--', ...args], { cwd });
}

async function give(folder: string): Promise<void> {
  if (user === undefined) return;
  const id = async (flag: string): Promise<number> => Number(await succeed('id', [flag, user]));
  await chown(folder, await id('-u'), await id('-g'));
}
