import type { PackageEntry, Unservable } from '../../base/package-entry.ts';
import type { PackageWriter } from '../../yum/package-fields.ts';
import type { GeneratedPackage } from '../support/primary-generator.ts';

/** What a reader of primary.xml found. */
export interface CollectedPackages {
  readonly packages: number;
  readonly entries: PackageEntry[];
  readonly unservable: Unservable[];
}

export type PrimaryReader = (source: AsyncIterable<Buffer>, writer: PackageWriter) => Promise<number>;

export async function collectPackages(read: PrimaryReader, chunks: readonly Buffer[]): Promise<CollectedPackages> {
  const entries: PackageEntry[] = [];
  const unservable: Unservable[] = [];
  const packages = await read(chunked(chunks), {
    add: (entry) => entries.push(entry),
    unservable: (entry) => unservable.push(entry),
  });
  return { packages, entries, unservable };
}

export async function* chunked(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

export async function gathered(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What a reader must find for a generated package. */
export function entryOf(made: GeneratedPackage): PackageEntry {
  const { sha256, size, ...rest } = made;
  return { ...rest, listed: { digest: `sha256:${sha256}`, size } };
}
