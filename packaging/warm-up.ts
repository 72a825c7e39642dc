import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Script } from 'node:vm';

/**
 * A process of code-cache.ts: runs the bundle as the launcher does, with the words behind its own two, and when it is
 * told to, writes what V8 has compiled of it by then, and ends.
 */
const [, self = '', main = '', codeCache = '', addons = '{}', ...words] = process.argv;
const addonFiles = JSON.parse(addons) as Record<string, string>;
const require = createRequire(self) as (name: string) => unknown;
// Outside of an executable there are no assets.
const sea = { getRawAsset: (name: string) => Uint8Array.from(readFileSync(addonFiles[name] ?? name)).buffer };

process.argv = [process.execPath, process.execPath, ...words];
const script = new Script(readFileSync(main, 'latin1'), { filename: process.execPath });
process.once('message', () => {
  writeFileSync(codeCache, script.createCachedData());
  process.exit(0);
});
const run = script.runInThisContext() as (...scope: readonly unknown[]) => void;
const module = { exports: {} };
run(
  module.exports,
  (name: string): unknown => (name === 'node:sea' ? sea : require(name)),
  module,
  process.execPath,
  '/',
);
