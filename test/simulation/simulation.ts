import { digestOf } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { silentLogger } from '../../base/log.ts';
import { silentMeter } from '../../base/metrics.ts';
import type { Loader } from '../../base/transfer.ts';
import { BlobIndex } from '../../cache/blobs/blob-index.ts';
import { BlobStore } from '../../cache/blobs/blob-store.ts';
import { Fills } from '../../cache/fills/fills.ts';
import { Layout } from '../../cache/disk/layout.ts';
import { Space } from '../../cache/space/space.ts';
import { scenario } from './scenario.ts';
import type { Scenario, SimulatedFile } from './scenario.ts';
import { Seeded } from './seeded.ts';
import { runClient } from './simulated-client.ts';
import type { ClientResult } from './simulated-client.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedLoader } from './simulated-origin.ts';
import type { TransferWatch } from './simulated-origin.ts';
import { Timeline } from './timeline.ts';
import { Witness } from './witness.ts';
import type { Violation } from './witness.ts';

/** What became of a world. */
export interface Report {
  readonly seed: number;
  readonly violations: readonly Violation[];
  /** What happened, in order: `milliseconds who what`. */
  readonly trace: readonly string[];
  readonly clients: readonly ClientResult[];
  /** Clients and syncs that came. */
  readonly actors: number;
}

/** Longest life of a world, in simulated milliseconds: slow clients need some of it. */
const lifetime = 3_600_000;
/** What a client waits at most for its first byte or its refusal: twice the budget of a slow upstream, and the disk. */
const longestWait = 60_000;

/**
 * Runs one world to its end and looks at what it left.
 * @param actors how many of its clients and syncs come at all: for the shortest trace of what went wrong.
 */
export async function simulate(seed: number, actors = Infinity): Promise<Report> {
  const random = new Seeded(seed);
  const plan = scenario(random.fork());
  const world = new World(plan, random);
  const clients = await world.live(actors);
  const came = Math.min(actors, plan.clients.length + plan.syncs.length);
  return { seed, violations: world.violations, trace: world.trace, clients, actors: came };
}

class World {
  readonly violations: Violation[] = [];
  readonly trace: string[] = [];
  readonly #plan: Scenario;
  readonly #timeline = new Timeline();
  readonly #layout = new Layout('/state');
  readonly #disk: SimulatedDisk;
  readonly #space: Space;
  readonly #blobs: BlobStore;
  readonly #fills: Fills;
  readonly #witnesses = new Map<SimulatedFile, Witness>();
  readonly #random: Seeded;
  readonly #results = new Map<string, number>();
  #loaders = 0;
  #diskEnds = 0;

  constructor(plan: Scenario, random: Seeded) {
    this.#plan = plan;
    this.#random = random;
    const clock = this.#timeline;
    const disk = new SimulatedDisk(clock, random.fork(), plan.disk);
    this.#disk = disk;
    const layout = this.#layout;
    const limits = { max: () => plan.budget, keepFree: () => 0 };
    this.#space = new Space({ disk, root: layout.root, limits, clock });
    const log = this.#log();
    this.#blobs = new BlobStore({ disk, layout, index: new BlobIndex(), space: this.#space, clock, log, openFiles: 2 });
    const counter = (name: string) => ({
      inc: ({ result = name }: Readonly<Record<string, string>>) =>
        void this.#results.set(result, this.#count(result) + 1),
    });
    const meter = { ...silentMeter, counter };
    this.#fills = new Fills({
      disk,
      layout,
      blobs: this.#blobs,
      space: this.#space,
      room: this.#space,
      clock,
      log,
      meter,
    });
    for (const file of plan.files) {
      const witness = new Witness(file, {
        onDisk: () => disk.peek(layout.part(file.scope, file.listed)),
        bypassed: () => this.#count('bypassed'),
        report: (violation) => this.#break(violation),
      });
      this.#witnesses.set(file, witness);
    }
  }

  async live(actors: number): Promise<readonly ClientResult[]> {
    const clients = this.#plan.clients.slice(0, actors);
    const syncs = this.#plan.syncs.slice(0, Math.max(0, actors - clients.length));
    const results: ClientResult[] = [];
    let left = clients.length + syncs.length;
    for (const { file, plan } of clients) {
      const { start, end, listed, arrives } = plan;
      void this.#client(file, plan).then((result) => {
        left -= 1;
        results.push(result);
        const told = `${result.outcome ?? '-'} ${result.end} ${result.code ?? ''}`;
        this.#note(`${plan.name} ends: ${told}, ${result.received} of ${start}-${end}/${listed.size} since ${arrives}`);
        this.#judge(file, result);
      });
    }
    for (const sync of syncs) {
      void this.#sync(sync).then((ended) => {
        left -= 1;
        this.#note(`${sync.name} of ${sync.file.name}: ${ended}`);
      });
    }
    const rested = await this.#timeline.run(lifetime);
    if (left > 0 || !rested) this.#break({ invariant: 'I6', text: `${left} requests and syncs never ended` });
    else await this.#atRest();
    return results;
  }

  #client(file: SimulatedFile, plan: Scenario['clients'][number]['plan']): Promise<ClientResult> {
    const witness = this.#witness(file);
    const { start, end } = plan;
    const isRange = start > 0 || end < file.listed.size;
    const slice = (): Loader => this.#loader(file, this.#witness(file).slice(start), end);
    return runClient(plan, {
      single: isRange ? { start, end, loader: slice } : null,
      timeline: this.#timeline,
      blobs: this.#blobs,
      fills: this.#fills,
      request: this.#request(file),
      received: (result) => witness.received(result),
    });
  }

  async #sync({ file, arrives, patience }: Scenario['syncs'][number]): Promise<string> {
    await this.#timeline.sleep(arrives);
    const stop = new AbortController();
    const given = new AbortController();
    if (patience !== null)
      this.#timeline.sleep(patience, given.signal).then(
        () => stop.abort(new Error('out of patience')),
        () => {},
      );
    try {
      // As the store's sink does.
      if (await this.#blobs.holds(file.scope, file.listed)) return 'held';
      await this.#fills.ensure(this.#request(file), stop.signal);
      const held = await this.#blobs.holds(file.scope, file.listed);
      if (!held && this.#disk.failures === 0)
        this.#break({ invariant: 'I4', text: `${file.name} was said to be held, and is not` });
      return 'held';
    } catch (error) {
      return asWaystationError(error).code;
    } finally {
      given.abort(new Error('done'));
    }
  }

  #request(file: SimulatedFile): Parameters<Fills['open']>[0] {
    const loader = (): Loader => {
      this.#loaders += 1;
      return this.#loader(file, this.#witness(file), null);
    };
    return { scope: file.scope, listed: file.listed, loader };
  }

  #loader({ bytes, sources }: SimulatedFile, watch: TransferWatch, until: number | null): Loader {
    const note = (text: string): void => this.#note(text);
    return new SimulatedLoader({
      bytes,
      sources,
      watch,
      until,
      note,
      timeline: this.#timeline,
      random: this.#random.fork(),
    });
  }

  #witness(file: SimulatedFile): Witness {
    const witness = this.#witnesses.get(file);
    if (witness === undefined) throw new Error(`nobody watches ${file.name}`);
    return witness;
  }

  /** What concerns one client, once it has ended. */
  #judge(file: SimulatedFile, result: ClientResult): void {
    this.#witness(file).judge(result);
    this.#heldIsRight();
    const { plan, waited, end, code } = result;
    if (waited === null || waited > longestWait)
      this.#break({ invariant: 'I6', text: `${plan.name} waited ${waited} ms for its first byte` });
    if (!gentle(file) || this.#plan.disk.failingReads > 0) return;
    const right = result.bytes
      .subarray(0, result.received)
      .equals(file.bytes.subarray(plan.start, plan.start + result.received));
    // Past the store nothing is kept that a second try could be compared with.
    const excused = code === 'upstream_lied' && this.#count('bypassed') > 0;
    if (end === 'refused' || (end === 'cut' && right && !excused))
      this.#break({ invariant: 'I9', text: `${plan.name} of ${file.name} was ${end} (${code}) beside a good source` });
  }

  #heldIsRight(): void {
    for (const { path, bytes } of this.#disk.below(this.#layout.blobs)) {
      const [hex, size] = path.slice(path.lastIndexOf('/') + 1).split('.');
      const file = this.#plan.files.find(({ listed }) => listed.digest.endsWith(`:${hex}`));
      const right =
        file === undefined ? digestOf(bytes) === (`sha256:${hex}` satisfies Digest) : bytes.equals(file.bytes);
      if (!right || String(bytes.length) !== size)
        this.#break({ invariant: 'I4', text: `${path} is not what its name says` });
    }
  }

  /** What must be true when everybody has gone. */
  async #atRest(): Promise<void> {
    for (const witness of this.#witnesses.values()) witness.atRest();
    if (this.#fills.active > 0) this.#break({ invariant: 'I6', text: `${this.#fills.active} fills never ended` });
    this.#heldIsRight();
    const sizeOf = (folder: string): number =>
      [...this.#disk.below(folder)].reduce((sum, { bytes }) => sum + bytes.length, 0);
    const stored = sizeOf(this.#layout.blobs) + sizeOf(this.#layout.parts);
    const { used, reserved } = this.#space;
    if (used !== stored || reserved !== 0)
      this.#break({
        invariant: 'I5',
        text: `${used} used and ${reserved} reserved, where ${stored} bytes are on disk`,
      });
    this.#addUp();
    this.#blobs.close();
    await this.#timeline.run(lifetime * 2);
    if (this.#disk.handles > 0) this.#break({ invariant: 'I6', text: `${this.#disk.handles} files stay open` });
  }

  #addUp(): void {
    const lies = [...this.#witnesses.values()].reduce((sum, witness) => sum + witness.lies, 0);
    const counted = this.#count('verification_failures_total');
    if (counted !== lies) this.#break({ invariant: 'I8', text: `${lies} lies, ${counted} counted` });
    const words = ['stored', 'lied', 'cut', 'refused', 'abandoned', 'bypassed'];
    const ends = words.reduce((sum, word) => sum + this.#count(word), 0);
    if (this.#loaders < ends || this.#loaders > ends + this.#diskEnds)
      this.#break({ invariant: 'I8', text: `${this.#loaders} fills and transfers began, ${ends} ended with a word` });
    const renamed = this.#disk.renamed - this.#count('stored');
    if (renamed < 0 || renamed > this.#disk.failures)
      this.#break({ invariant: 'I8', text: `${this.#disk.renamed} files stored, ${this.#count('stored')} counted` });
  }

  #count(word: string): number {
    return this.#results.get(word) ?? 0;
  }

  #log(): Logger {
    const info: Logger['info'] = (fields, message) => {
      const { code, reason } = fields as { code?: string; reason?: string };
      if (code?.startsWith('disk_') === true) this.#diskEnds += 1;
      this.#note(`${message}: ${reason ?? ''}`);
    };
    return { ...silentLogger, info, warn: info, error: info };
  }

  #note(text: string): void {
    this.trace.push(`${this.#timeline.monotonic().toFixed(1)} ${text}`);
  }

  #break(violation: Violation): void {
    this.violations.push(violation);
    this.#note(`BROKEN ${violation.invariant}: ${violation.text}`);
  }
}

/** One of its sources is always right and none costs much time: nobody has a reason to get less than the file. */
function gentle({ sources, listed }: SimulatedFile): boolean {
  return (
    listed.size <= 4 * 1024 * 1024 &&
    sources.some(({ fault }) => fault === null) &&
    sources.every(({ fault, slowness }) => fault !== 'hangs' && fault !== 'stalls' && slowness <= 50)
  );
}
