import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bundle } from '../../packaging/bundle.ts';
import { nativeAddons } from '../../packaging/native-addons.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const checkout = join(import.meta.dirname, '../..');

/** Packages that a start may load. Each costs every start of every host: what is only needed later is imported then. */
const needed = [
  // The command line and the configuration.
  'commander',
  'yaml',
  'zod',
  // Logs and metrics.
  '@pinojs/redact',
  'atomic-sleep',
  'on-exit-leak-free',
  'pino',
  'pino-std-serializers',
  'quick-format-unescaped',
  'real-require',
  'safe-stable-stringify',
  'sonic-boom',
  'thread-stream',
  '@opentelemetry/api',
  'bintrees',
  'prom-client',
  'tdigest',
  // Notes: contacts with hubs, runs, how far the scrub has come.
  'abstract-level',
  'classic-level',
  'level',
  'level-supports',
  'level-transcoder',
  'maybe-combine-errors',
  'module-error',
  'node-gyp-build',
  // Small bodies, descriptors and views in memory.
  'lru-cache',
  // Metadata that is read again.
  'saxes',
  'xmlchars',
];

/** Our own modules that are for later, by the beginnings of their names. */
const later = [
  'cli/commands/sync',
  'cli/commands/status',
  'gateway/admin/app.ts',
  'gateway/page/app.ts',
  'config/json-schema.ts',
  'hub/',
];

interface Loaded {
  readonly urls: readonly string[];
  readonly internal: readonly string[];
}

/** A start of the sources on a busy machine. */
const patience = 120_000;

/** Runs the service until it serves. @returns what it had loaded when it opened its last listener. */
async function loadedToListen(words: (folder: string) => Promise<readonly string[]>): Promise<Loaded> {
  await using directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const config = {
    listen: { content: '127.0.0.1:0', admin: '127.0.0.1:0', socket: at('admin.sock') },
    state: at('state'),
    // Nobody listens there.
    subscriptions: [
      { name: 'vendor', hub: { type: 'yum' }, repositories: [{ path: 'el9', url: 'http://127.0.0.1:1/' }] },
      { name: 'hub', hub: { type: 'pulp', url: 'http://127.0.0.1:1/' }, select: 'pop=edge' },
    ],
  };
  await writeFile(at('waystation.yaml'), JSON.stringify(config));
  const preload = join(checkout, 'test/support/loaded-modules-child.ts');
  const child = spawn(
    process.execPath,
    ['--import', preload, ...(await words(directory.path)), 'serve', '--config', at('waystation.yaml')],
    { env: { WAYSTATION_TEST_LOADED: at('loaded.json') }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const closed = once(child, 'close');
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  try {
    for await (const line of createInterface(child.stdout)) {
      output += `${line}\n`;
      if (line.includes('"msg":"serving"')) return JSON.parse(await readFile(at('loaded.json'), 'utf8')) as Loaded;
    }
    throw new Error(`it ended before it served\n${output}`);
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
}

/** The name of the package that a file below node_modules belongs to; null: it is ours, or Node's. */
function packageOf(url: string): string | null {
  return /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? null;
}

test(
  'a start loads no package and no part that it can do without until it listens',
  async () => {
    const { urls } = await loadedToListen(() => Promise.resolve([join(checkout, 'cli/waystation.ts')]));
    const packages = new Set(urls.map(packageOf).filter((name) => name !== null));
    expect([...packages].filter((name) => !needed.includes(name))).toEqual([]);
    const own = urls
      .filter((url) => url.startsWith('file:') && packageOf(url) === null)
      .map((url) => relative(checkout, fileURLToPath(url)));
    expect(own).toContain('cli/serve.ts');
    expect(own.filter((path) => later.some((beginning) => path.startsWith(beginning)))).toEqual([]);
  },
  patience,
);

test(
  "a start of the bundle does not have Node load fetch, which is half of its own HTTP client's code",
  async () => {
    const { internal } = await loadedToListen(async (folder) => {
      const main = await bundle({ checkout, folder, addons: nativeAddons(checkout), commit: null });
      const run = `process.argv.splice(1, 0, 'waystation'); new (require('node:vm').Script)(require('node:fs').readFileSync(${JSON.stringify(main)}, 'latin1')).runInThisContext()(exports, require, module, '', '')`;
      return ['--eval', run, '--'];
    });
    expect(internal).toContain('NativeModule http');
    expect(internal.filter((name) => /undici|http2/.test(name))).toEqual([]);
  },
  patience,
);
