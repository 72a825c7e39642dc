import { digestOf, hexOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import { cacheStatus } from '../../http/cache-status.ts';
import { isSnapshotName } from '../../protocol/snapshot.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Visit } from './accounts.ts';
import { answerFile } from './answer-file.ts';
import { inMemory } from './small-files.ts';

/** Gives the signed manifests of snapshots by name. */
export class Manifests {
  readonly #store: Pick<ObjectStore, 'get'>;

  constructor(store: Pick<ObjectStore, 'get'>) {
    this.#store = store;
  }

  /** @throws WaystationError `unknown_snapshot` */
  async serve({ exchange }: Visit, name: string): Promise<void> {
    const found = isSnapshotName(name) ? await this.#store.get(keysOf.snapshot(name)) : null;
    if (found === null) throw new WaystationError('unknown_snapshot', `this hub has no snapshot of that name`);
    await answerFile(exchange, inMemory(found.bytes), {
      'content-type': 'application/jose',
      etag: `"${hexOf(digestOf(found.bytes))}"`,
      'accept-ranges': 'bytes',
      // A name may be given to other content once a snapshot is retired: it is asked for again, and cheaply so.
      'cache-control': 'private, no-cache',
      'cache-status': cacheStatus.hit,
      'x-content-type-options': 'nosniff',
    });
  }
}
