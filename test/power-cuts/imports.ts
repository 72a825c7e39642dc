import { possessionScope } from '../../base/generation.ts';
import type { ImportedTree, OpenTree } from '../../cache/upkeep/imported-tree.ts';
import { generation } from '../cache/generation-documents.ts';
import { mebibyte } from '../cache/pieces.ts';
import type { RecordedFile, RecordedFiles } from '../support/recorded-files.ts';
import type { KnownFile, KnownMap, Machine } from './machine.ts';
import { publishRepository, repository } from './scenarios.ts';
import type { Scenario } from './scenarios.ts';

/** Where the tree lies: on the file system of the store, and nobody has synced it. */
const tree = '/tree';
const never = new AbortController().signal;

/** A tree is taken over, as copies or as second names of its files. */
export const imports = (link: boolean): readonly Scenario[] => [
  importOf(`a tree is imported, as ${link ? 'links' : 'copies'}`, link, (machine) => {
    const shared = machine.random.bytes(700);
    const forgeable = possessionScope('open', 'corp/base', { digest: 'sha1:' });
    return {
      open: [
        machine.file(900),
        machine.file(5000, 'sha512'),
        machine.file(400, 'sha1', forgeable),
        machine.named(shared, 'sha256', 'open'),
      ],
      own: [machine.named(shared, 'sha512', 'corp'), machine.file(3000, 'sha256', 'corp')],
    };
  }),
  // By itself: what is written while it is read costs most of the time, of each call that fails.
  importOf(`a large file is imported, as a ${link ? 'link' : 'copy'}`, link, (machine) => ({
    open: [machine.file(900), machine.file(mebibyte + 700)],
    own: [],
  })),
];

/** What the tree holds that is open, and of the subscription alone. */
interface Imported {
  readonly open: readonly KnownFile[];
  readonly own: readonly KnownFile[];
}

const importOf = (name: string, link: boolean, imported: (machine: Machine) => Imported): Scenario => ({
  name,
  prepare: (machine) => {
    machine.settings = { openTree: treeIn(machine.files) };
    const { open, own } = imported(machine);
    const base = repository(machine, 0, null, { entries: listing(open) });
    const published = [{ prepared: base, document: generation(1, { 'corp/base': base.document }) }];
    if (own.length > 0) {
      const lab = repository(machine, 1, null, { entries: listing(own), scope: 'corp' });
      published.push({ prepared: lab, document: generation(2, { 'corp/lab': lab.document }) });
    }
    // One file has two names there, and of one size there is another that nothing lists.
    putTree(machine.files, [...new Set([...open, ...own].map(({ bytes }) => bytes)), machine.random.bytes(900)]);
    return async (running) => {
      const { store } = running;
      for (const { prepared, document } of published) {
        if (!(await publishRepository(machine, running, prepared, document))) return;
        if (store.generations.find(document.id) === null) return;
      }
      const request = { directory: tree, subscription: 'corp', link, dryRun: false, signal: never };
      const failed = (_path: string, { code }: { readonly code: string }): void => void machine.failures.push(code);
      const report = await machine.tried(store.importTree(request, { expected: () => {}, done: () => {}, failed }));
      if (report?.complete !== true) return;
      for (const file of [...open, ...own]) await machine.told({ kind: 'file', file }, Promise.resolve());
    };
  },
});

function listing(files: readonly KnownFile[]): KnownMap['entries'] {
  return files.map(({ listed }, index) => ({
    href: `Packages/p${index}.rpm`,
    listed,
    name: 'p',
    epoch: '0',
    version: String(index),
    release: '1',
    arch: 'noarch',
  }));
}

function putTree(files: RecordedFiles, contents: readonly Buffer[]): void {
  files.makeFolder(tree);
  for (const [index, bytes] of contents.entries()) files.write(files.make(`${tree}/${index}.rpm`), bytes, 0);
  files.link(`${tree}/0.rpm`, `${tree}/again.rpm`);
}

/** A folder of a recorded disk, as a tree that is imported. */
function treeIn(files: RecordedFiles): OpenTree {
  return async (directory): Promise<ImportedTree> => ({
    entries: async function* () {
      for (const [path, { size }] of files.below(directory)) yield { kind: 'file', path: Buffer.from(path), size };
    },
    open: async (path) => {
      const name = path.toString();
      const file = files.file(name);
      if (file === null) throw new Error(`${name} is not in the tree`);
      const { size, number: inode } = file;
      const chunks = (memory: Buffer): AsyncGenerator<Buffer> => chunksOf(file, memory);
      return { path, size, device: 0, inode, byDescriptor: name, name, chunks, [Symbol.asyncDispose]: async () => {} };
    },
  });
}

async function* chunksOf(file: RecordedFile, memory: Buffer): AsyncGenerator<Buffer> {
  for (let position = 0; position < file.size; position += memory.length)
    yield memory.subarray(0, file.content.copy(memory, 0, position));
}
