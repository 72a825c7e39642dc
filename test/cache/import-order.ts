import { folderTree } from '../../cache/upkeep/imported-tree.ts';
import type { OpenTree } from '../../cache/upkeep/imported-tree.ts';
import type { SourceFile } from '../../cache/upkeep/import-source.ts';

/**
 * A folder whose files are all met before the first of them is read: as many are missing then for each of them. Else
 * a file that is met late may be of a size of which nothing is missing any more, and is not read. For fewer files than
 * an import has lanes.
 */
export const metTogether: OpenTree = async (directory, state) => {
  const tree = await folderTree(directory, state);
  const met = Promise.withResolvers<void>();
  let walks = 0;
  return {
    entries: async function* () {
      walks += 1;
      const reads = walks > 1;
      try {
        yield* tree.entries();
      } finally {
        if (reads) met.resolve();
      }
    },
    open: async (path) => {
      await met.promise;
      return tree.open(path);
    },
  };
};

/** A folder with nothing but files, whose second one is met when the first that is read has been dealt with. */
export const firstAlone: OpenTree = async (directory, state) => {
  const tree = await folderTree(directory, state);
  const dealtWith = Promise.withResolvers<void>();
  let walks = 0;
  return {
    entries: async function* () {
      walks += 1;
      const reads = walks > 1;
      let met = 0;
      for await (const entry of tree.entries()) {
        met += 1;
        if (reads && met === 2) await dealtWith.promise;
        yield entry;
      }
    },
    open: async (path) => closing(await tree.open(path), () => dealtWith.resolve()),
  };
};

function closing(source: SourceFile, closed: () => void): SourceFile {
  const { path, size, device, inode, byDescriptor, name } = source;
  return {
    path,
    size,
    device,
    inode,
    byDescriptor,
    name,
    chunks: (memory, signal) => source.chunks(memory, signal),
    [Symbol.asyncDispose]: async () => {
      await source[Symbol.asyncDispose]();
      closed();
    },
  };
}
