import type { Digest, Listed } from '../../base/digest.ts';
import { asWaystationError, WaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Counter, Meter } from '../../base/metrics.ts';
import { openSized } from '../../base/transfer.ts';
import type { Loader } from '../../base/transfer.ts';
import type { Disk } from '../../disk/disk.ts';
import type { WantedRepository } from '../../mirror/discovery.ts';
import { countedSize } from '../../mirror/tree-files.ts';
import type { Origins, WantedFile } from '../service/ports.ts';
import type { ObjectStore, OpenObject } from '../store/object-store.ts';
import type { ListedFile, ListedFiles } from './listed-files.ts';
import type { OriginSource } from './origins.ts';
import { Possession } from './possession.ts';
import { Pull } from './pull.ts';
import type { PullResult } from './pull.ts';
import { Spool } from './spool.ts';
import type { StoreSink } from './store-sink.ts';

/** Bytes of a file that is in memory on its way, and of all of them together. */
const smallFile = 1024 * 1024;
const mostMemory = 64 * 1024 * 1024;

/** The upstreams that snapshots remember. */
export interface OriginSources {
  /**
   * A repository of an upstream by the path that it had there; null: the upstream has it no longer.
   * @throws WaystationError when that cannot be told now.
   */
  repository(source: OriginSource, path: string, signal: AbortSignal): Promise<WantedRepository | null>;
}

export interface PullThroughParts {
  readonly store: ObjectStore;
  readonly sink: StoreSink;
  readonly files: ListedFiles;
  readonly sources: OriginSources;
  readonly disk: Disk;
  /** Of this process, absolute, for files on their way. */
  readonly folder: string;
  readonly log: Logger;
  readonly meter: Meter;
}

/**
 * What the store has not under a digest alone: files of `metadata-only` snapshots, brought from their origins when first
 * asked for and kept from then on, and files whose digests can be forged, of the scope that the asker's snapshot names.
 * Everybody who asks for a file on its way gets the one transfer, and its last bytes when they are proven.
 */
export class PullThrough implements Origins {
  readonly #parts: PullThroughParts;
  readonly #possession: Possession;
  readonly #pulls = new Map<string, Promise<Pull>>();
  readonly #results: Counter;
  /** Bytes of files on their way that are in memory. */
  #memory = 0;
  readonly #ending = new AbortController();

  constructor(parts: PullThroughParts) {
    this.#parts = parts;
    const help =
      'Files fetched from origins because a PoP asked for them, by how that went: stored, unstored or failed';
    this.#results = parts.meter.counter('pulls_total', help, ['result']);
    this.#possession = new Possession(parts.store);
  }

  async open({ digest, listed }: WantedFile, signal: AbortSignal): Promise<OpenObject | null> {
    const file = listed === null ? null : await this.#parts.files.find(listed, digest);
    if (file === null) return null;
    for (;;) {
      const held = await this.#held(file);
      if (held !== null || file.source === null) return held;
      const pull = this.#pull(file, file.source);
      const opened = await (await pull).open(signal);
      if (opened !== null) return opened;
      // It ended just now.
      this.#over(file, pull);
    }
  }

  /** Ends every transfer. */
  async close(): Promise<void> {
    this.#ending.abort(new WaystationError('draining', 'the hub is stopping'));
    await Promise.all([...this.#pulls.values()].map((pull) => pull.then(({ done }) => done).catch(() => {})));
  }

  /** Small files need no disk on their way: they reach PoPs also while it is full. */
  async #spool(size: number): Promise<Spool> {
    const { disk, folder } = this.#parts;
    if (size > smallFile || this.#memory + size > mostMemory) return Spool.onDisk(disk, folder, size);
    this.#memory += size;
    return Spool.inMemory(size, () => (this.#memory -= size));
  }

  async #held({ scope, digest, size: said }: ListedFile): Promise<OpenObject | null> {
    const size = said ?? (await this.#possession.size(scope, digest));
    if (size === null || !(await this.#possession.holds(scope, { digest, size }))) return null;
    return this.#parts.store.open(this.#possession.keyOf(scope, { digest }));
  }

  #pull(file: ListedFile, source: OriginSource): Promise<Pull> {
    const known = this.#pulls.get(keyOf(file));
    if (known !== undefined) return known;
    const begun = this.#begun(file, source);
    this.#pulls.set(keyOf(file), begun);
    const over = (): void => this.#over(file, begun);
    const ended = begun.then(({ done }) => done).catch((): PullResult => 'failed');
    void ended.then((result) => {
      this.#results.inc({ result });
      over();
    });
    return begun;
  }

  #over(file: ListedFile, pull: Promise<Pull>): void {
    if (this.#pulls.get(keyOf(file)) === pull) this.#pulls.delete(keyOf(file));
  }

  async #begun(file: ListedFile, source: OriginSource): Promise<Pull> {
    const { sources, sink, log } = this.#parts;
    const { signal } = this.#ending;
    const { scope, digest, href, path } = file;
    const repository = await sources.repository(source, path, signal);
    if (repository === null) throw new WaystationError('upstream_missing', `the origin of ${path} has it no longer`);
    const { listed, loader } = await sized(repository, { digest, href, size: file.size }, signal);
    const keep = async (spool: Spool): Promise<boolean> => {
      try {
        await sink.adopt(scope, listed, spool.chunks());
        return true;
      } catch (thrown) {
        const { code, message } = asWaystationError(thrown);
        log.warn({ path, href, code, reason: message }, 'a file that was pulled through cannot be stored');
        return false;
      }
    };
    log.info({ path, href, bytes: listed.size }, 'a file is pulled through from its origin');
    return new Pull({ listed, loader, keep, signal, spool: () => this.#spool(listed.size) });
  }
}

function keyOf({ scope, digest }: ListedFile): string {
  return `${scope} ${digest}`;
}

/** What is listed by its digest alone has the size that its origin says. */
async function sized(
  repository: WantedRepository,
  { href, digest, size }: { readonly href: string; readonly digest: Digest; readonly size: number | null },
  signal: AbortSignal,
): Promise<{ readonly listed: Listed; readonly loader: Loader }> {
  const loader = repository.supplier.loader(href, 'client', digest);
  if (size !== null) return { listed: { digest, size }, loader };
  const opened = await openSized(loader, signal);
  if (opened.size !== null) return { listed: { digest, size: opened.size }, loader: opened.loader };
  opened.cancel();
  const counted = await countedSize(repository, { href, digest }, signal);
  return { listed: { digest, size: counted }, loader: repository.supplier.loader(href, 'client', digest) };
}
