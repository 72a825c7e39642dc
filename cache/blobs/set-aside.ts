import { basename, dirname } from 'node:path';
import type { Listed } from '../../base/digest.ts';
import type { Counter } from '../../base/metrics.ts';
import { diskError } from '../../disk/disk.ts';
import type { FileFacts } from '../../disk/file-facts.ts';
import type { Quarantine } from './quarantine.ts';
import type { BlobParts } from './removal.ts';

/** Takes held files that are not what their names say from those names, so that they are fetched again. */
export class SettingAside {
  readonly #parts: BlobParts;
  readonly #quarantine: Quarantine;
  readonly #failures: Counter;

  constructor(parts: BlobParts, quarantine: Quarantine, failures: Counter) {
    this.#parts = parts;
    this.#quarantine = quarantine;
    this.#failures = failures;
  }

  /**
   * @param judged the file that was found wrong: another one that took the name meanwhile stays.
   * @returns false when the file is still under its name: the disk did not let go of it.
   */
  async take(scope: string, listed: Listed, judged: FileFacts | null): Promise<boolean> {
    const { layout, descriptors, exclusive, several } = this.#parts;
    const path = layout.blob(scope, listed);
    descriptors.forget(path);
    await several.ready(path);
    return exclusive.run(path, () => several.alone(() => this.#takeAlone(scope, listed, path, judged)));
  }

  async #takeAlone(scope: string, listed: Listed, path: string, judged: FileFacts | null): Promise<boolean> {
    const { disk, index, space, log, several, names } = this.#parts;
    try {
      if (judged !== null && (await disk.facts(path))?.inode !== judged.inode) return true;
      log.error({ path, expected: listed.size }, 'a held file is damaged; moved aside');
      this.#failures.inc({});
      const standing = await several.standing({ scope, listed });
      await this.#quarantine.take(path, `${scope}.${basename(path)}`);
      names.taken(dirname(path));
      // Only now: one that stays where it is goes on taking its room, and so do its other names among the blobs.
      if (index.delete(scope, listed.digest) && standing.left()) space.adjust(-listed.size);
      return true;
    } catch (error) {
      const failure = diskError(error, path);
      space.failed(failure);
      log.warn({ path, error: failure.message }, 'a damaged file cannot be moved aside');
      return false;
    }
  }
}
