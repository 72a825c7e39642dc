import { proven } from '../../disk/file-facts.ts';
import type { Seeded } from '../simulation/seeded.ts';
import { RecordedFile } from '../support/recorded-files.ts';
import type {
  Change,
  FoundFile,
  FoundFolder,
  Place,
  RecordedFiles,
  RecordedFolder,
} from '../support/recorded-files.ts';

/** A state that a power cut may leave, and how it came about. */
export interface CrashState {
  readonly found: FoundFolder;
  /** Changes that were made before the cut. */
  readonly cut: number;
  /** Says what became of what was not durable. */
  readonly story: () => readonly string[];
}

/** How names that were not durable fare: see `docs/testing.md`. */
type NameFate = 'kept' | 'journal' | 'folders' | 'subset' | 'undone';
/** How bytes that were not durable fare. */
type DataFate = 'kept' | 'dropped' | 'torn' | 'sectors' | 'zeros';

/** The least that a disk writes as a whole. */
const sector = 512;

interface Named {
  readonly at: number;
  readonly change: Extract<Change, { readonly kind: 'enter' | 'rename' | 'unlink' }>;
  readonly folders: readonly RecordedFolder[];
  readonly durable: boolean;
}

/** Derives one of the states in which a power cut after the first `cut` changes may leave the files. */
export function crashState(files: RecordedFiles, cut: number, random: Seeded): CrashState {
  const journal = files.journal.slice(0, cut);
  const fate = random.one<NameFate>(['kept', 'journal', 'journal', 'folders', 'subset', 'subset', 'undone']);
  const survives = survivors(namesOf(journal), fate, random);
  const entries = enteredBy(survives.kept);
  const data = new Map<RecordedFile, FoundFile>();
  const told: string[] = [];
  const exact = fate === 'kept' && random.chance(0.3);
  const fileOf = (file: RecordedFile): FoundFile => {
    let found = data.get(file);
    if (found === undefined) {
      const changes = journal.flatMap((change, at) =>
        change.kind === 'sync all' || ('file' in change && change.file === file) ? [{ change, at }] : [],
      );
      found = exact ? asItWas(file, changes) : dataOf(file, changes, random, (text) => told.push(text));
      data.set(file, found);
    }
    return found;
  };
  const folderOf = (folder: RecordedFolder): FoundFolder => {
    const names = entries.get(folder) ?? folder.origin;
    const found = [...names].map(
      ([name, node]) => [name, node.kind === 'file' ? fileOf(node) : folderOf(node)] as const,
    );
    return { kind: 'folder', entries: new Map(found) };
  };
  const found = folderOf(files.root);
  const story = (): string[] => [
    `cut after change ${cut} of ${files.journal.length}${cut > 0 ? `: ${words(files.journal[cut - 1])}` : ''}`,
    exact ? 'everything is kept' : `names not durable: ${fate}`,
    ...survives.undone.map(({ at, change }) => `undone: ${at} ${words(change)}`),
    ...told,
  ];
  return { found, cut, story };
}

function namesOf(journal: readonly Change[]): Named[] {
  /** Changes before these are durable: of a folder, and of all. */
  const synced = new Map<RecordedFolder, number>();
  let all = 0;
  for (const change of journal) {
    if (change.kind === 'sync all') all = Math.max(all, change.asked);
    if (change.kind === 'sync folder')
      synced.set(change.folder, Math.max(synced.get(change.folder) ?? 0, change.asked));
  }
  return journal.flatMap((change, at) => {
    if (change.kind !== 'enter' && change.kind !== 'rename' && change.kind !== 'unlink') return [];
    const places = [...('from' in change ? [change.from] : []), ...('to' in change ? [change.to] : [])];
    const folders = places.map(({ folder }) => folder);
    // A rename is one transaction: durable with either of its folders.
    return [{ at, change, folders, durable: all > at || folders.some((folder) => (synced.get(folder) ?? 0) > at) }];
  });
}

function survivors(names: readonly Named[], fate: NameFate, random: Seeded): { kept: Named[]; undone: Named[] } {
  const last = names.findLastIndex(({ durable }) => durable);
  const everywhere = random.whole(last + 1, names.length);
  const share = random.one([0.2, 0.5, 0.8]);
  const until = new Map<RecordedFolder, number>();
  const isKept = (name: Named, index: number): boolean => {
    if (name.durable || fate === 'kept') return true;
    if (fate === 'undone') return false;
    if (fate === 'journal') return index < everywhere;
    if (fate === 'subset') return random.chance(share);
    return name.folders.every((folder) => {
      let limit = until.get(folder);
      if (limit === undefined) until.set(folder, (limit = random.whole(0, names.length)));
      return index < limit;
    });
  };
  const kept: Named[] = [];
  const undone: Named[] = [];
  names.forEach((name, index) => (isKept(name, index) ? kept : undone).push(name));
  return { kept, undone };
}

/** What the folders hold once the changes that survive have been made. */
function enteredBy(names: readonly Named[]): Map<RecordedFolder, Map<string, RecordedFile | RecordedFolder>> {
  const entries = new Map<RecordedFolder, Map<string, RecordedFile | RecordedFolder>>();
  const of = (folder: RecordedFolder): Map<string, RecordedFile | RecordedFolder> => {
    let known = entries.get(folder);
    if (known === undefined) entries.set(folder, (known = new Map(folder.origin)));
    return known;
  };
  const remove = ({ folder, name }: Place, node: RecordedFile | RecordedFolder): void => {
    if (of(folder).get(name) === node) of(folder).delete(name);
  };
  for (const { change } of names) {
    if (change.kind !== 'enter') remove(change.from, change.node);
    if (change.kind !== 'unlink') of(change.to.folder).set(change.to.name, change.node);
  }
  return entries;
}

/** A change of a file, and its place in the journal. */
interface Made {
  readonly change: Change;
  readonly at: number;
}

function asItWas(file: RecordedFile, changes: readonly Made[]): FoundFile {
  const live = new RecordedFile(0, file.origin, 0);
  let modified = file.origin?.modified ?? Date.now();
  for (const { change } of changes) {
    if (change.kind === 'write') live.put(change.bytes, change.position);
    if (change.kind === 'write') modified = Date.now();
    if (change.kind === 'stamp') modified = proven;
  }
  return { kind: 'file', bytes: live.content, modified };
}

function dataOf(file: RecordedFile, changes: readonly Made[], random: Seeded, tell: (text: string) => void): FoundFile {
  const durable = new Set<Change>();
  let pending: Made[] = [];
  for (const made of changes) {
    const { change } = made;
    if (change.kind === 'write') pending.push(made);
    if ('asked' in change) {
      for (const written of pending) if (written.at < change.asked) durable.add(written.change);
      pending = pending.filter(({ at }) => at >= change.asked);
    }
    // After a failed sync the system takes the pages for clean: no later sync writes them.
    if (change.kind === 'failed sync') pending = [];
  }
  const writes = changes.flatMap(({ change }) => (change.kind === 'write' ? [change] : []));
  const loose = writes.filter((change) => !durable.has(change));
  const fate: DataFate =
    loose.length === 0 ? 'kept' : random.one(['kept', 'dropped', 'torn', 'torn', 'sectors', 'zeros']);
  const bytes = new RecordedFile(0, file.origin, 0);
  let left = random.whole(
    0,
    loose.reduce((sum, change) => sum + change.bytes.length, 0),
  );
  for (const change of writes) {
    if (durable.has(change) || fate === 'kept') bytes.put(change.bytes, change.position);
    else if (fate === 'torn') {
      const end = change.position + Math.min(left, change.bytes.length);
      const whole = left >= change.bytes.length ? change.bytes.length : end - (end % sector) - change.position;
      if (whole > 0) bytes.put(change.bytes.subarray(0, whole), change.position);
      left -= Math.min(left, change.bytes.length);
    } else if (fate === 'zeros') lengthen(bytes, change.position + change.bytes.length);
    else if (fate === 'sectors') putSectors(bytes, change, random);
  }
  const [modified, stamped] = timeOf(file, changes, random);
  if (loose.length > 0 || stamped !== '')
    tell(`file ${file.number}: ${loose.length} writes not synced, ${fate}: ${bytes.size} bytes${stamped}`);
  return { kind: 'file', bytes: bytes.content, modified };
}

function lengthen(file: RecordedFile, size: number): void {
  if (size > file.size) file.put(Buffer.alloc(size - file.size), file.size);
}

/** Each sector of a write is there or not; the length is as written. */
function putSectors(file: RecordedFile, change: Extract<Change, { readonly kind: 'write' }>, random: Seeded): void {
  const { bytes, position } = change;
  lengthen(file, position + bytes.length);
  const share = random.one([0.1, 0.5, 0.9]);
  for (let at = 0; at < bytes.length;) {
    const next = Math.min(bytes.length, at + sector - ((position + at) % sector));
    if (random.chance(share)) file.put(bytes.subarray(at, next), position + at);
    at = next;
  }
}

/** Times are written when it suits the system, before or after the bytes; a data sync need not write them at all. */
function timeOf(file: RecordedFile, changes: readonly Made[], random: Seeded): [modified: number, told: string] {
  const written = Date.now();
  let modified = file.origin?.modified ?? written;
  let possible = [{ modified, at: -1 }];
  for (const { change, at } of changes) {
    if (change.kind === 'write') possible.push({ modified: (modified = written), at });
    if (change.kind === 'stamp') possible.push({ modified: (modified = proven), at });
    if (change.kind !== 'sync' || !random.chance(0.9)) continue;
    const last = possible.findLast((each) => each.at < change.asked);
    possible = possible.filter((each) => each === last || each.at >= change.asked);
  }
  const chosen = possible[random.whole(0, possible.length - 1)]?.modified ?? modified;
  return [chosen, chosen === modified ? '' : chosen === proven ? ', stamped' : ', its stamp lost'];
}

/** A change in words. */
function words(change: Change | undefined): string {
  if (change === undefined) return 'none';
  const path = ({ folder, name }: Place): string => `${folder.path}/${name}`;
  if (change.kind === 'rename') return `rename ${path(change.from)} to ${path(change.to)}`;
  if (change.kind === 'unlink') return `unlink ${path(change.from)}`;
  if (change.kind === 'sync all') return 'sync all';
  if (change.kind === 'sync folder') return `sync folder ${change.folder.path}/`;
  if (change.kind === 'enter') {
    return `enter ${path(change.to)}${change.node.kind === 'file' ? ` (file ${change.node.number})` : '/'}`;
  }
  const what = change.kind === 'write' ? `write ${change.bytes.length} bytes at ${change.position} of` : change.kind;
  return `${what} file ${change.file.number}`;
}
