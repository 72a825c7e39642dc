import { hash } from 'node:crypto';
import { closeSync, futimesSync, mkdirSync, openSync, statfsSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest, Listed } from '../../base/digest.ts';
import type { GenerationDocument, RepositoryDocument } from '../../base/generation.ts';
import { systemDisk } from '../../disk/disk.ts';
import { proven } from '../../disk/file-facts.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { PackageMapWriter } from '../../maps/writer.ts';
import { generationDocument } from '../../sync/generation-document.ts';

/** What a made state directory holds. */
export interface StateShape {
  /** Held packages, spread evenly over the repositories. */
  readonly blobs: number;
  readonly repositories: number;
  /** Of each repository, each with a primary, and so a map, of its own. */
  readonly generations: number;
  /** Listed by each repository. */
  readonly packages: number;
}

export const subscriptionName = 'bench';
const scope = 'open';
/** Every so-manieth package of an older generation has another version there. */
const changedEvery = 50;
/** A map keeps nothing of a package's version. */
const unversioned = { name: '', epoch: '', version: '', release: '', arch: '' };
/** Room and inodes that are left to others. */
const spare = { bytes: 2e9, inodes: 100_000 };

/** A held package, and what a client gets for it. */
export interface HeldPackage {
  readonly href: string;
  readonly bytes: string;
}

export function repositoryPath(repository: number): string {
  return `bench/r${String(repository).padStart(2, '0')}`;
}

/** A package of the newest generation; it is held when there are as many blobs. */
export function packageOf(shape: StateShape, repository: number, place: number): HeldPackage {
  return { href: hrefOf(place, 1), bytes: contentOf(place * shape.repositories + repository) };
}

/** How many packages of a repository are held. */
export function heldOf(shape: StateShape, repository: number): number {
  return Math.min(shape.packages, Math.ceil((shape.blobs - repository) / shape.repositories));
}

/**
 * Makes a state directory by hand, as docs/on-disk-format.md has it: tiny files with right names and stamps, package
 * maps by the product's own writer, generations with their metadata held. One that is there whole is used again.
 * @throws when the file system has not the room or the inodes.
 */
export async function makeState(root: string, shape: StateShape): Promise<void> {
  const done = join(root, '..', 'made.json');
  try {
    if (statSync(done).isFile()) return;
  } catch {
    // To be made.
  }
  mkdirSync(root, { recursive: true });
  demandRoom(root, shape);
  const layout = new Layout(root);
  for (const folder of [layout.blobs, layout.maps, layout.generationFolder(subscriptionName), layout.parts])
    mkdirSync(folder, { recursive: true });
  for (let first = 0; first < 256; first += 1)
    mkdirSync(layout.blobFolder(scope, `sha256:${first.toString(16).padStart(2, '0')}`), { recursive: true });
  for (let number = 0; number < shape.blobs; number += 1) keep(layout, contentOf(number));
  let newest: GenerationDocument | null = null;
  for (let generation = 1; generation <= shape.generations; generation += 1) {
    const repositories: Record<string, RepositoryDocument> = {};
    for (let repository = 0; repository < shape.repositories; repository += 1)
      repositories[repositoryPath(repository)] = await makeRepository(layout, shape, { repository, generation });
    newest = generationDocument({
      subscription: subscriptionName,
      hubVersion: null,
      repositories,
      // The last is the newest.
      now: Date.now() - (shape.generations - generation) * 3_600_000,
      taken: () => false,
    });
    writeFileSync(layout.generation(subscriptionName, newest.id), `${JSON.stringify(newest)}\n`);
  }
  const current = { format: 1, current: { [subscriptionName]: newest?.id } };
  writeFileSync(layout.current, `${JSON.stringify(current)}\n`);
  writeFileSync(layout.format, 'waystation 1\n');
  writeFileSync(done, JSON.stringify(shape));
}

/** Adds a held file that nothing refers to, as it is found when names are counted. */
export function makeGarbage(root: string): void {
  keep(new Layout(root), 'nobody lists this\n');
}

async function makeRepository(
  layout: Layout,
  shape: StateShape,
  { repository, generation }: { repository: number; generation: number },
): Promise<RepositoryDocument> {
  const primary = keep(layout, `primary ${repository} ${generation}\n`);
  const writer = new PackageMapWriter();
  const older = shape.generations - generation;
  for (let place = 0; place < shape.packages; place += 1) {
    const number = place * shape.repositories + repository;
    const changed = older > 0 && place % changedEvery === older;
    const bytes = changed ? `older ${older} ${number}\n` : contentOf(number);
    writer.add({ ...unversioned, href: hrefOf(place, changed ? 1 + older : 1), listed: listedOf(bytes) });
  }
  const map = layout.map(primary.digest);
  await writer.finish(systemDisk, join(layout.parts, `map-${repository}-${generation}`), map);
  const records = Object.fromEntries(
    ['filelists', 'other', 'comps', 'updateinfo'].map((kind) => {
      const listed = keep(layout, `${kind} ${repository} ${generation}\n`);
      return [`repodata/${listed.digest.slice(7)}-${kind}.xml.gz`, listed];
    }),
  );
  records[`repodata/${primary.digest.slice(7)}-primary.xml.gz`] = primary;
  const repomd = keep(layout, `<repomd><revision>${repository} ${generation}</revision></repomd>\n`);
  return { scope, guard: null, repomd, asc: null, key: null, treeinfo: null, records, map: primary.digest };
}

function contentOf(number: number): string {
  return `package ${number}\n`;
}

/** As long as the names of a distribution are. */
function hrefOf(place: number, version: number): string {
  const number = String(place).padStart(6, '0');
  return `Packages/${number.slice(4, 5)}/library-of-package-${number}-${version}.${place % 40}.2-${1 + (place % 9)}.el9.x86_64.rpm`;
}

function listedOf(bytes: string): Listed {
  const digest: Digest = `sha256:${hash('sha256', bytes)}`;
  return { digest, size: bytes.length };
}

/** A held file, as the store leaves it. */
function keep(layout: Layout, bytes: string): Listed {
  const listed = listedOf(bytes);
  const file = openSync(layout.blob(scope, listed), 'w', 0o640);
  writeSync(file, bytes);
  futimesSync(file, proven / 1000, proven / 1000);
  closeSync(file);
  return listed;
}

function demandRoom(root: string, { blobs, repositories, generations, packages }: StateShape): void {
  const { bavail, bsize, files, ffree } = statfsSync(root);
  // A block for each file, another quarter for its inode and name, 110 bytes for each entry of a map.
  const bytes = blobs * bsize * 1.25 + repositories * generations * packages * 110 + spare.bytes;
  if (bavail * bsize < bytes || (files > 0 && ffree < blobs + spare.inodes))
    throw new Error(
      `${root} has room for ${(bavail * bsize) / 1e9} GB and ${ffree} files; needed are ${bytes / 1e9} GB and ${blobs + spare.inodes}: set TMPDIR`,
    );
}
