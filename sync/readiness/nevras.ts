import { heldRepomd, openRecord } from '../../mirror/held-record.ts';
import { maxPrimaryBytes } from '../../mirror/package-map.ts';
import { nevraText } from '../../yum/nevra.ts';
import { readPrimary } from '../../yum/primary.ts';
import type { ListedFile } from './lacking.ts';
import type { HeldFiles, LookedAt } from './parts.ts';

/** The same packages with the NEVRAs that the primary gives them; without, where it cannot be read. */
export async function withNevras(
  files: readonly ListedFile[],
  { path, document }: LookedAt,
  held: HeldFiles,
  signal: AbortSignal,
): Promise<readonly ListedFile[]> {
  if (files.length === 0) return files;
  const metadata = { sink: held, path, scope: document.scope, signal };
  const wanted = new Set(files.map(({ href }) => href));
  try {
    const { records } = await heldRepomd(metadata, document);
    const primary = records.find(({ type }) => type === 'primary');
    if (primary === undefined) return files;
    const names = await readPrimary(
      () => openRecord(metadata, primary, maxPrimaryBytes),
      async (fill) => {
        const found = new Map<string, string>();
        await fill({
          add: (entry) => {
            if (wanted.has(entry.href)) found.set(entry.href, nevraText(entry));
          },
          unservable: () => {},
        });
        return found;
      },
    );
    return files.map((file) => ({ ...file, nevra: names.get(file.href) ?? null }));
  } catch {
    signal.throwIfAborted();
    return files;
  }
}
