import { readdir } from 'node:fs/promises';
import { expect } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import type { Listed } from '../../base/digest.ts';
import type { Importing } from './import-fixture.ts';
import { bytesBelow, readAll } from './pieces.ts';

/** The sha256 of what is held under a name, null: nothing is. */
export async function held({ store }: Importing, listed: Listed, scope = 'open'): Promise<string | null> {
  const blob = await store.blobs.open(scope, listed);
  return blob === null ? null : digestOf((await readAll(blob)).bytes);
}

/** Blobs and parts on disk are what counts as used, nothing is reserved, no part is left. */
export async function accountsAreRight({ store }: Importing): Promise<void> {
  const { layout, space } = store;
  expect([space.used, space.reserved]).toEqual([await bytesBelow(layout.blobs, layout.parts), 0]);
  expect(await readdir(layout.parts)).toEqual([]);
}
