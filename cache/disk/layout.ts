import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { algorithmOf, digestFrom, hexOf } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';

/**
 * Where everything lies below the state directory. Pure; `docs/on-disk-format.md` is the normative text. What each file
 * of a sync asks for some times is joined once, and put together as text: scopes and digests need no normalizing.
 */
export class Layout {
  readonly root: string;
  readonly blobs: string;
  readonly parts: string;

  constructor(root: string) {
    this.root = root;
    this.blobs = join(root, 'blobs');
    this.parts = join(root, 'parts');
  }

  get format(): string {
    return join(this.root, 'FORMAT');
  }

  get maps(): string {
    return join(this.root, 'maps');
  }

  get generations(): string {
    return join(this.root, 'generations');
  }

  get current(): string {
    return join(this.root, 'current.json');
  }

  get pins(): string {
    return join(this.root, 'pins.json');
  }

  get unlisted(): string {
    return join(this.root, 'unlisted');
  }

  get index(): string {
    return join(this.root, 'index');
  }

  get damaged(): string {
    return join(this.root, 'damaged');
  }

  /** The blob index as it was at a clean stop; only from there to the next start. */
  get snapshot(): string {
    return join(this.root, 'blobs.snapshot');
  }

  /** The blob index as it was some time ago: a hint. */
  get usedSnapshot(): string {
    return join(this.root, 'blobs.snapshot.used');
  }

  /** Everything that this program makes at the top of the state directory; what else is there is the operator's. */
  get names(): readonly string[] {
    const others = ['identity', 'index.damaged', 'native', 'admin.sock', 'lost+found'].map((name) =>
      join(this.root, name),
    );
    const { format, blobs, maps, generations, current, pins, unlisted, parts, index, damaged, snapshot, usedSnapshot } =
      this;
    const files = [format, current, pins, snapshot, usedSnapshot];
    return [...files, blobs, maps, generations, unlisted, parts, index, damaged, ...others];
  }

  /** The folder that a blob's name lies in: 256 of them for each scope and algorithm. */
  blobFolder(scope: string, digest: Digest): string {
    return `${this.blobs}/${scope}/${algorithmOf(digest)}/${hexOf(digest).slice(0, 2)}`;
  }

  /** The size is part of the name, so that a start needs no stat and a torn file is seen by its length. */
  blob(scope: string, listed: Listed): string {
    return `${this.blobFolder(scope, listed.digest)}/${hexOf(listed.digest)}.${listed.size}`;
  }

  map(primary: Digest): string {
    return join(this.maps, hexOf(primary));
  }

  generationFolder(subscription: string): string {
    return join(this.generations, subscription);
  }

  generation(subscription: string, id: string): string {
    return join(this.generationFolder(subscription), `${id}.json`);
  }

  /** A part's name says what it becomes, so that a restart can go on with it. */
  part(scope: string, listed: Listed): string {
    return `${this.parts}/${scope}.${algorithmOf(listed.digest)}.${hexOf(listed.digest)}.${listed.size}`;
  }

  unlistedEntry(repository: string, file: string): string {
    const key = createHash('sha256').update(`${repository}\n${file}`).digest('hex');
    return join(this.unlisted, `${key}.json`);
  }
}

/**
 * The path of a part that no restart goes on with. No two are the same: neither of two at once that write the same, nor
 * of one whose leftover could not be removed.
 */
export function passingPart(layout: Layout, kind: `${'unlisted' | 'kept' | 'map'}-${string}` | 'import'): string {
  return join(layout.parts, `${kind}-${randomBytes(6).toString('hex')}`);
}

/** What a blob's file name says that it is; null for a name that is none. */
export function parseBlobName(algorithm: string, name: string): Listed | null {
  const [hex = '', size = ''] = name.split('.');
  const digest = digestFrom(algorithm, hex);
  if (digest === null || !/^\d{1,15}$/.test(size)) return null;
  const listed = { digest, size: Number(size) };
  return `${hexOf(digest)}.${listed.size}` === name ? listed : null;
}

/** What a part's file name says that it becomes; null for a name that is none. */
export function parsePartName(name: string): { scope: string; listed: Listed } | null {
  const found = /^([a-z0-9-]+)\.(sha256|sha512|sha384|sha224|sha1|md5)\.([0-9a-f]+)\.(\d{1,15})$/.exec(name);
  if (found === null) return null;
  const [, scope = '', algorithm = '', hex = '', size = ''] = found;
  return { scope, listed: { digest: `${algorithm}:${hex}` as Digest, size: Number(size) } };
}

/**
 * Bytes of the budget that a file in `parts/` takes. Maps and probes take none, nor does what has another name as well:
 * a file of an imported tree, or a held one.
 */
export function roomOfPart(name: string, { size, links }: { readonly size: number; readonly links: number }): number {
  return links === 1 && (parsePartName(name) !== null || /^(unlisted|kept|import|link)-/.test(name)) ? size : 0;
}

/** Whether a file in `parts/` is of a transfer that is never gone on with. */
export function isPassingPart(name: string): boolean {
  return /^(unlisted|kept|map|import|link)-|^probe$/.test(name);
}
