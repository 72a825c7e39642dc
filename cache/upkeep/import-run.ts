import type { ImportReport } from '../../base/status.ts';
import type { ImportWatch } from './import-tally.ts';
import type { ImportRequest } from './import.ts';
import type { UpkeepRuns } from './upkeep-runs.ts';

/** Where imports go: the store. */
interface Importer {
  importTree(request: ImportRequest, watch: ImportWatch): Promise<ImportReport>;
}

/** Begins an import as a run. Every failure is one of the run; its report is in the end with it. @returns the run's id. */
export function startImport(store: Importer, runs: UpkeepRuns, request: Omit<ImportRequest, 'signal'>): string {
  const { subscription } = request;
  const { id } = runs.start({ kind: 'import', subscription }, async (run, signal) => {
    const files = run.phase('files');
    const watch: ImportWatch = {
      expected: (count, bytes) => files.expect(count, bytes),
      done: (bytes) => {
        files.read(bytes);
        files.fileDone();
      },
      failed: (path, { code, message }) => run.failed({ path, code, reason: message, attempts: 1, nextTry: null }),
    };
    run.imported(await store.importTree({ ...request, signal }, watch));
  });
  return id;
}
