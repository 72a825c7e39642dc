import type { PlainFailure } from '../../base/plain-get.ts';
import type { Fetch } from '../../disk/thread-gets.ts';
import { FaultyDisk } from './faulty-disk.ts';
import { Gate } from './faulty-origin-gate.ts';
import { passed } from './scripted-loader.ts';

const sureOrNot = [() => true, () => false] as const;

/** One fetch that a disk was asked for; it hangs until the test says how it ends. */
export class HeldFetch {
  readonly asked: Fetch;
  readonly #disk: FetchingDisk;
  #isOver = false;

  constructor(disk: FetchingDisk, asked: Fetch) {
    this.#disk = disk;
    this.asked = asked;
  }

  get path(): string {
    return this.asked.path;
  }

  /** It has ended, or is about to. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The right bytes come: they are put, and where they cannot be, nothing of them is there, or it is said. */
  async bring(bytes: Buffer): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const put = await this.#disk.putPart(this.path, bytes);
    if (put.made && put.error === null) return this.#tell(null, null);
    const isGone = !put.made || (await this.#disk.unlink(this.path).then(...sureOrNot));
    if (isGone) this.#tell('unputtable', bytes);
    else this.#tell('lost', null);
  }

  /** It fails, unless it is over. @param proven with `unputtable`. */
  fail(failure: PlainFailure, proven: Buffer | null = null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tell(failure, proven);
  }

  #tell(failure: PlainFailure | null, proven: Buffer | null): void {
    this.asked.fetched({ failure, date: null, received: failure === null ? this.asked.size : 0, proven });
  }
}

/** The real disk, which takes fetches, and does with them what the test says. */
export class FetchingDisk extends FaultyDisk {
  readonly fetches: HeldFetch[] = [];
  /** Times that all was cut. */
  cuts = 0;
  /** What a cut does to each fetch, a moment later. */
  onCut: (fetch: HeldFetch) => void = (fetch) => fetch.fail('cut');
  /** Passed by each file before its bytes are synced, and before it gets its name. */
  readonly beforeSync = new Gate();
  readonly beforeName = new Gate();

  /** @param options `holds` lets files wait at these gates until the test opens them. */
  constructor(
    options: {
      readonly fails?: ConstructorParameters<typeof FaultyDisk>[0];
      readonly holds?: readonly ('beforeSync' | 'beforeName')[];
    } = {},
  ) {
    super(options.fails);
    const { holds = [] } = options;
    for (const gate of ['beforeSync', 'beforeName'] as const) if (!holds.includes(gate)) this[gate].open();
  }

  /** The latest. */
  get fetch(): HeldFetch {
    const last = this.fetches.at(-1);
    if (last === undefined) throw new Error('nothing was to be fetched');
    return last;
  }

  fetchPart(fetch: Fetch): boolean {
    this.fetches.push(new HeldFetch(this, fetch));
    return true;
  }

  cutFetches(): void {
    this.cuts += 1;
    for (const fetch of this.fetches) queueMicrotask(() => this.onCut(fetch));
  }

  override async syncFile(path: string): Promise<void> {
    await passed(this.beforeSync);
    await super.syncFile(path);
  }

  override async rename(from: string, to: string): Promise<void> {
    await passed(this.beforeName);
    await super.rename(from, to);
  }
}
