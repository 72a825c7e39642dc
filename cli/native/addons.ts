import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { getRawAsset } from 'node:sea';
import type { Logger } from '../../base/log.ts';
import { fileInMemory } from './memory-file.ts';
import { isPrivate, unpackedFile } from './unpacked-file.ts';

/**
 * Native addons of the built executable. The build (packaging/bundle.ts) puts a call of `loadNativeAddon` in the place
 * where a package would look for its addon in node_modules; a checkout never comes here.
 */
interface AddonHome {
  /** The state directory. */
  readonly state: string;
  readonly log: Logger;
}

// The packages ask for their addons when they are imported, with nobody to hand them an argument: hence a variable.
let home: AddonHome | null = null;

/** Says where addons may be unpacked; before anything that has one is imported. Does nothing by itself. */
export function keepNativeAddonsIn(state: string, log: Logger): void {
  home = { state, log };
}

/**
 * Loads an addon that the executable carries: from beside the executable, where packages put it; else unpacked below
 * the state directory; else (noexec or read-only state) from memory.
 * @param name of the asset, and of the file.
 * @returns what the addon exports.
 * @throws Error that names every place with its reason.
 * @public used by the bundle
 */
export function loadNativeAddon(name: string): unknown {
  const bytes = Buffer.from(getRawAsset(name));
  const reasons: string[] = [];
  for (const [place, file] of places(name, bytes)) {
    try {
      const path = file();
      if (path === null) continue;
      const loaded: { exports: unknown } = { exports: {} };
      process.dlopen(loaded, path);
      home?.log.debug({ addon: name, path }, 'native addon loaded');
      return loaded.exports;
    } catch (error) {
      const reason = `${place}: ${error instanceof Error ? error.message : String(error)}`;
      reasons.push(reason);
      home?.log.warn({ addon: name, reason }, 'a native addon cannot be loaded from there; trying the next place');
    }
  }
  throw new Error(`native addon ${name} cannot be loaded: ${reasons.join('; ')}`);
}

/** Where to try, in order; a place that does not have it gives null. */
function places(name: string, bytes: Buffer): readonly (readonly [string, () => string | null])[] {
  const state = home?.state ?? null;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return [
    ['beside the executable', () => fileBeside(name, bytes)],
    [
      'the state directory',
      () => (state === null ? null : unpackedFile(bytes, { state, folder: join('native', digest), name })),
    ],
    ['memory', () => fileInMemory(name, bytes)],
  ];
}

/** The file in the executable's own folder; null when there is none. An older one, or one that others could have put there, is refused. */
function fileBeside(name: string, bytes: Buffer): string | null {
  const folder = dirname(process.execPath);
  const path = join(folder, name);
  let found: Buffer;
  try {
    found = readFileSync(path);
  } catch {
    return null;
  }
  if (!isPrivate(folder) || !isPrivate(path)) throw new Error(`${path} could have been written by others`);
  if (!found.equals(bytes)) throw new Error(`${path} belongs to another version`);
  return path;
}
