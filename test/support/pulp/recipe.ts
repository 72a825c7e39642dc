import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The pinned Python packages that make a Pulp hub. */
export const requirementsFile = join(import.meta.dirname, 'requirements.txt');

/** Bump it when the way the template is made changes: what earlier runs left is then made anew. */
const revision = 1;

/** What runs share: the Python environment and a migrated, empty database. Named by what it is made of. */
export const workshop = join(
  tmpdir(),
  `waystation-pulp-${createHash('sha256').update(`${revision}\n`).update(readFileSync(requirementsFile)).digest('hex').slice(0, 12)}-${process.getuid?.() ?? 0}`,
);

/** Commands of the Python environment. */
export function pythonCommand(name: string): string {
  return join(workshop, 'venv/bin', name);
}

export interface SettingsOptions {
  /** Folder of this hub: media, scratch, keys. */
  readonly directory: string;
  /** Folder of PostgreSQL's socket. */
  readonly socket: string;
  /** Scheme, host and port of the content app, as distributions name it. */
  readonly contentOrigin: string;
}

/** Makes the folders and the settings file that Pulp's commands want to find in `options.directory`. */
export async function layOut(options: SettingsOptions): Promise<void> {
  const folders = ['media/artifact', 'static', 'scratch'];
  await Promise.all(folders.map((name) => mkdir(join(options.directory, name), { recursive: true })));
  await writeFile(join(options.directory, 'settings.py'), settings(options));
}

/** Domains on, everything on local disk, no Redis. */
function settings({ directory, socket, contentOrigin }: SettingsOptions): string {
  const values = {
    SECRET_KEY: 'a hub for tests keeps no secrets',
    DB_ENCRYPTION_KEY: join(directory, 'fields.key'),
    DATABASES: {
      default: { ENGINE: 'django.db.backends.postgresql', NAME: 'pulp', USER: 'pulp', HOST: socket, CONN_MAX_AGE: 0 },
    },
    DEPLOY_ROOT: directory,
    MEDIA_ROOT: join(directory, 'media'),
    STATIC_ROOT: join(directory, 'static'),
    WORKING_DIRECTORY: join(directory, 'scratch'),
    FILE_UPLOAD_TEMP_DIR: join(directory, 'scratch'),
    CONTENT_ORIGIN: contentOrigin,
  };
  const lines = Object.entries(values).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  return [...lines, 'DOMAIN_ENABLED = True', 'ANALYTICS = False', ''].join('\n');
}

/** What Pulp's commands are started with. */
export function environment(directory: string): Record<string, string> {
  return { PULP_SETTINGS: join(directory, 'settings.py'), DJANGO_SETTINGS_MODULE: 'pulpcore.app.settings' };
}
