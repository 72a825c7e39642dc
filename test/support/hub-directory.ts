import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loadHubConfig } from '../../config/hub/load.ts';
import type { HubConfig } from '../../config/hub/config.ts';
import type { CommandResult } from './command-line.ts';
import { waystation } from './command-line.ts';
import { incompressibleText } from './incompressible-text.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** A hub on a directory of its own: store, keys and state, and the real commands on them. */
export interface HubDirectory extends AsyncDisposable {
  readonly path: string;
  readonly config: HubConfig;
  /** `waystation hub …` */
  readonly hub: (...words: string[]) => Promise<CommandResult>;
  /** Writes a file of sources. @returns its name. */
  sources(repositories: readonly object[], policy?: 'full' | 'metadata-only'): Promise<string>;
  /** Makes a snapshot, which has to succeed. */
  create(name: string, repositories: readonly object[], policy?: 'full' | 'metadata-only'): Promise<void>;
  /** Keys of the files in the store. */
  blobs(): Promise<readonly string[]>;
}

/** @param settings lines of hub.yaml beside those of the places. */
export async function hubDirectory(settings = ''): Promise<HubDirectory> {
  const directory = await temporaryDirectory();
  const { path } = directory;
  const file = join(path, 'hub.yaml');
  const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
  await writeFile(file, `publicUrl: https://hub.example.com\n${places}${settings}`);
  const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', file);
  expect(await hub('init')).toMatchObject({ code: 0 });
  const sources: HubDirectory['sources'] = async (repositories, policy = 'full') => {
    const name = join(path, 'sources.yaml');
    await writeFile(name, JSON.stringify({ policy, repositories }));
    return name;
  };
  return {
    path,
    config: loadHubConfig(file),
    hub,
    sources,
    create: async (name, repositories, policy) => {
      const from = await sources(repositories, policy);
      expect(await hub('snapshot', 'create', name, '--from', from)).toMatchObject({ code: 0 });
    },
    blobs: async () => {
      const entries = await readdir(join(path, 'store/public/blobs'), { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

/** Packages of a hand-made repository: href → content. @param version of the package of an index. */
export function numberedPackages(count: number, version: (index: number) => number): Record<string, string> {
  const all = Array.from({ length: count }, (_, index) => {
    const name = `p/pkg${index}-${version(index)}-1.noarch.rpm`;
    return [name, `${name} ${incompressibleText(2_000, 'snapshots')}`] as const;
  });
  return Object.fromEntries(all);
}
