import { realpath } from 'node:fs/promises';
import { WaystationError } from '../../base/errors.ts';
import { openSource } from './import-source.ts';
import type { SourceFile } from './import-source.ts';
import { isBelow, treeRoot, walkTree } from './import-tree.ts';
import type { TreeEntry } from './import-tree.ts';

/** A tree that is imported, wherever it lies. */
export interface ImportedTree {
  /** What is met in it, as `walkTree`; asked for more than once. */
  entries(): AsyncGenerator<TreeEntry>;
  /** @throws WaystationError `import_unreadable` */
  open(path: Buffer): Promise<SourceFile>;
}

/**
 * Opens a tree.
 * @param state the state directory, which is passed over when it lies in the tree.
 * @throws WaystationError `import_unreadable`; `bad_request` when the tree lies in the state directory.
 */
export type OpenTree = (directory: string, state: string) => Promise<ImportedTree>;

/** A folder of this machine. */
export const folderTree: OpenTree = async (directory, stateDirectory) => {
  const root = await treeRoot(directory);
  const state = await realpath(stateDirectory, 'buffer');
  if (isBelow(root, state))
    throw new WaystationError(
      'bad_request',
      `${directory} lies in the state directory: nothing there is to be imported`,
    );
  return { entries: () => walkTree(root, [state]), open: openSource };
};
