import { proven } from '../../disk/file-facts.ts';

/** A file as a start finds it. One object under two names is one file with two links. */
export interface FoundFile {
  readonly kind: 'file';
  readonly bytes: Buffer;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** A folder as a start finds it: what a power cut may leave, and what `RecordedFiles` is made from. */
export interface FoundFolder {
  readonly kind: 'folder';
  readonly entries: ReadonlyMap<string, FoundFile | FoundFolder>;
}

export const nothing: FoundFolder = { kind: 'folder', entries: new Map() };

/** A file that is worked on. Its content is copied before the first change: found files are shared by many states. */
export class RecordedFile {
  readonly kind = 'file';
  readonly number: number;
  /** What was there at first, durably; null: it was made here. */
  readonly origin: FoundFile | null;
  modified: number;
  links = 0;
  handles = 0;
  #bytes: Buffer;
  #size: number;
  #own: boolean;

  constructor(number: number, origin: FoundFile | null, now: number) {
    this.number = number;
    this.origin = origin;
    this.modified = origin?.modified ?? now;
    this.#bytes = origin?.bytes ?? Buffer.alloc(0);
    this.#size = this.#bytes.length;
    this.#own = false;
  }

  get size(): number {
    return this.#size;
  }

  get content(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  put(bytes: Buffer, position: number): void {
    const end = position + bytes.length;
    if (!this.#own || end > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.#own ? this.#bytes.length * 2 : this.#size));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
      this.#own = true;
    }
    bytes.copy(this.#bytes, position);
    this.#size = Math.max(this.#size, end);
  }
}

export class RecordedFolder {
  readonly kind = 'folder';
  readonly path: string;
  readonly entries = new Map<string, RecordedFile | RecordedFolder>();
  /** What was there at first, durably. */
  readonly origin = new Map<string, RecordedFile | RecordedFolder>();

  constructor(path: string) {
    this.path = path;
  }
}

/** A name: where a file or folder is entered. */
export interface Place {
  readonly folder: RecordedFolder;
  readonly name: string;
}

/** One change, in the order in which they were made. */
export type Change =
  | { readonly kind: 'enter'; readonly to: Place; readonly node: RecordedFile | RecordedFolder }
  | { readonly kind: 'rename'; readonly from: Place; readonly to: Place; readonly node: RecordedFile | RecordedFolder }
  | { readonly kind: 'unlink'; readonly from: Place; readonly node: RecordedFile }
  | { readonly kind: 'write'; readonly file: RecordedFile; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'stamp'; readonly file: RecordedFile }
  /** `asked`: changes made before it was asked for; what came later it need not cover. So of all syncs. */
  | { readonly kind: 'sync'; readonly file: RecordedFile; readonly asked: number }
  /** A sync that failed: what it should have written may never be, whatever later syncs say. */
  | { readonly kind: 'failed sync'; readonly file: RecordedFile }
  | { readonly kind: 'sync folder'; readonly folder: RecordedFolder; readonly asked: number }
  | { readonly kind: 'sync all'; readonly asked: number };

/**
 * A file system in memory that keeps a journal of all changes, so that the states can be derived from it which a power
 * cut may leave. Its calls are atomic and fail as the system's do. Paths are absolute.
 */
export class RecordedFiles {
  readonly journal: Change[] = [];
  readonly root = new RecordedFolder('');
  #files = 0;

  constructor(found: FoundFolder = nothing) {
    this.#take(found, this.root, new Map());
  }

  /** The time of its files: the machine's. */
  readonly now = (): number => Date.now();

  find(path: string): RecordedFile | RecordedFolder | null {
    let node: RecordedFile | RecordedFolder = this.root;
    for (const name of path.split('/')) {
      if (name === '') continue;
      if (node.kind === 'file') return null;
      const next = node.entries.get(name);
      if (next === undefined) return null;
      node = next;
    }
    return node;
  }

  file(path: string): RecordedFile | null {
    const node = this.find(path);
    if (node?.kind === 'folder') throw failure('EISDIR', path);
    return node;
  }

  folder(path: string): RecordedFolder {
    const node = this.find(path);
    if (node === null) throw failure('ENOENT', path);
    if (node.kind === 'file') throw failure('ENOTDIR', path);
    return node;
  }

  /** The file of that name, made when there is none. */
  make(path: string): RecordedFile {
    const to = this.#place(path);
    const known = this.file(path);
    if (known !== null) return known;
    const made = new RecordedFile((this.#files += 1), null, this.now());
    this.#enter(to, made);
    return made;
  }

  /** @returns false when the folder is there already. */
  makeFolder(path: string): boolean {
    const known = this.find(path);
    if (known?.kind === 'folder') return false;
    if (known?.kind === 'file') throw failure('EEXIST', path);
    this.#enter(this.#place(path), new RecordedFolder(path));
    return true;
  }

  write(file: RecordedFile, bytes: Buffer, position: number): void {
    file.put(bytes, position);
    file.modified = this.now();
    this.journal.push({ kind: 'write', file, position, bytes });
  }

  stamp(file: RecordedFile): void {
    file.modified = proven;
    this.journal.push({ kind: 'stamp', file });
  }

  /** @param asked length of the journal when the sync was asked for. */
  sync(file: RecordedFile, asked: number): void {
    this.journal.push({ kind: 'sync', file, asked });
  }

  failSync(file: RecordedFile): void {
    this.journal.push({ kind: 'failed sync', file });
  }

  syncFolder(path: string, asked: number): void {
    this.journal.push({ kind: 'sync folder', folder: this.folder(path), asked });
  }

  syncAll(asked: number): void {
    this.journal.push({ kind: 'sync all', asked });
  }

  rename(path: string, target: string): void {
    const [from, to] = [this.#place(path), this.#place(target)];
    const node = from.folder.entries.get(from.name);
    if (node === undefined) throw failure('ENOENT', path);
    const replaced = to.folder.entries.get(to.name);
    // Two names of one file: nothing happens, by POSIX.
    if (replaced === node) return;
    if (replaced?.kind === 'folder') throw failure('EISDIR', target);
    if (replaced !== undefined) replaced.links -= 1;
    from.folder.entries.delete(from.name);
    to.folder.entries.set(to.name, node);
    this.journal.push({ kind: 'rename', from, to, node });
  }

  link(path: string, target: string): void {
    const file = this.file(path);
    if (file === null) throw failure('ENOENT', path);
    const to = this.#place(target);
    if (to.folder.entries.has(to.name)) throw failure('EEXIST', target);
    this.#enter(to, file);
  }

  unlink(path: string): void {
    const node = this.file(path);
    if (node === null) return;
    const from = this.#place(path);
    from.folder.entries.delete(from.name);
    node.links -= 1;
    this.journal.push({ kind: 'unlink', from, node });
  }

  /** Every file below a folder, by path. */
  *below(path: string): Generator<readonly [path: string, file: RecordedFile]> {
    const node = this.find(path);
    if (node?.kind !== 'folder') return;
    for (const [name, entry] of node.entries) {
      if (entry.kind === 'file') yield [`${path}/${name}`, entry];
      else yield* this.below(`${path}/${name}`);
    }
  }

  /** Bytes that the files below a folder take whose names begin so; one with two names counts once. */
  bytesBelow(path: string, name = ''): number {
    const named = [...this.below(path)].filter(([each]) => each.startsWith(`${path}/${name}`));
    const files = new Set(named.map(([, file]) => file));
    return [...files].reduce((sum, { size }) => sum + size, 0);
  }

  #place(path: string): Place {
    const cut = path.lastIndexOf('/');
    return { folder: this.folder(path.slice(0, cut)), name: path.slice(cut + 1) };
  }

  #enter(to: Place, node: RecordedFile | RecordedFolder): void {
    if (node.kind === 'file') node.links += 1;
    to.folder.entries.set(to.name, node);
    this.journal.push({ kind: 'enter', to, node });
  }

  #take(found: FoundFolder, folder: RecordedFolder, known: Map<FoundFile, RecordedFile>): void {
    for (const [name, entry] of found.entries) {
      let node: RecordedFile | RecordedFolder;
      if (entry.kind === 'folder') {
        node = new RecordedFolder(`${folder.path}/${name}`);
        this.#take(entry, node, known);
      } else {
        node = known.get(entry) ?? new RecordedFile((this.#files += 1), entry, 0);
        known.set(entry, node);
        node.links += 1;
      }
      folder.entries.set(name, node);
      folder.origin.set(name, node);
    }
  }
}

/** A system error. */
export function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
