import type { WaystationError } from '../base/errors.ts';
import { asWaystationError } from '../base/errors.ts';
import { forEachBounded } from '../mirror/bounded.ts';
import { isOutage, jittered, retryDelay } from './backoff.ts';
import { discoveryFailed } from './hub-contact.ts';
import type { Member } from './member.ts';
import { fetchWanted } from './fetch-wanted.ts';
import { sayVariants } from './tree-policy.ts';
import type { Publisher } from './publisher.ts';
import type { Roster } from './roster.ts';
import type { Run } from './run.ts';
import type { Contact, SubscriptionOptions, SubscriptionParts } from './subscription-options.ts';

/** Repositories of one subscription whose metadata is read at a time. */
const lanes = 4;

export interface PassContext {
  readonly options: SubscriptionOptions;
  readonly parts: SubscriptionParts;
  readonly roster: Roster;
  readonly publisher: Publisher;
  readonly contact: Contact;
  /** Something is due earlier, or ended. */
  readonly wake: () => void;
}

/** One repository that is read in a run. */
interface MemberRead {
  readonly run: Run;
  readonly member: Member;
  /** Monotonic time of its next read, if this one succeeds. */
  readonly next: number;
  /** Told when its metadata is done with, and files that are fetched ahead are left. */
  readonly ahead: () => void;
}

/** What one run does: ask the hub for its list, read repositories, publish. */
export class Pass {
  readonly #context: PassContext;
  #contact: Contact;
  #hubVersion: string | null = null;
  /** Monotonic time of the next question to the hub for its list. */
  #due: number;
  #publishFailures = { attempts: 0, begun: 0 };

  constructor(context: PassContext) {
    this.#context = context;
    this.#contact = context.contact;
    this.#due = context.parts.clock.monotonic();
  }

  get contact(): Contact {
    return this.#contact;
  }

  get hubVersion(): string | null {
    return this.#hubVersion;
  }

  get due(): number {
    return this.#due;
  }

  /** The hub has news: it is asked as soon as somebody looks. */
  discoverNow(): void {
    this.#due = this.#context.parts.clock.monotonic();
  }

  /**
   * Runs it to its end; never rejects for what an upstream or the disk does: that is in the run.
   * @param members who is to be read, beside those that the hub's list brings anew.
   * @returns whether a generation was published.
   */
  async run(
    run: Run,
    members: readonly Member[],
    discover: boolean,
    signal: AbortSignal,
  ): Promise<{ published: boolean }> {
    const { store, clock, random } = this.#context.parts;
    const { name, refresh } = this.#context.options;
    const before = store.newest(name)?.id;
    const next = clock.monotonic() + jittered(refresh, random);
    const lease = store.beginRun(name);
    run.begin();
    // Before anything is awaited: nobody else shall begin to read them, and none counts as sound meanwhile.
    for (const member of members) member.begins();
    if (discover) this.#due = next;
    const targets = new Set(members);
    try {
      if (discover) await this.#discover(run, targets, signal);
      await this.#readAll(run, [...targets], next, signal);
      // From here on it cannot be called off any more.
      signal.throwIfAborted();
      run.publishing();
      await this.#publish(run);
      run.end(run.failures.count === 0 ? 'done' : 'failed');
    } catch (thrown) {
      if (!signal.aborted) {
        run.end('failed');
        throw thrown;
      }
      run.end('cancelled', 'stopping');
      for (const member of targets) if (member.reading) member.unsettled = true;
      // Who called it off does not want it to begin again at once.
      for (const member of targets) if (member.due <= clock.monotonic()) member.due = next;
    } finally {
      for (const member of targets) member.reading = false;
      // Published or not: a flip that something holds back, or that failed, comes without another read.
      lease.end(this.#context.roster.proven(), this.#context.roster.begun());
    }
    if (!run.failures.named.some(isOutage) && run.state !== 'cancelled') {
      this.#contact = { ...this.#contact, checked: clock.now() };
    }
    return { published: store.newest(name)?.id !== before };
  }

  async #discover(run: Run, targets: Set<Member>, signal: AbortSignal): Promise<void> {
    const { roster, publisher, options, parts } = this.#context;
    const { hub } = options;
    try {
      const list = await hub.discover(signal);
      const known = new Set(roster.readable);
      roster.replace(list.repositories);
      this.#hubVersion = list.hubVersion;
      this.#contact = {
        ...this.#contact,
        discovery: { ...this.#contact.discovery, error: null, attempts: 0, done: true },
        lastContact: hub.authoritative ? this.#contact.lastContact : parts.clock.now(),
      };
      const readable = new Set(roster.readable);
      for (const member of targets) if (!readable.has(member)) this.#drop(member, targets);
      for (const member of readable) {
        if (known.has(member) || member.reading) continue;
        member.begins();
        targets.add(member);
      }
      for (const { path, takenBy } of roster.all) if (takenBy !== null) run.failed(this.#taken(path, takenBy));
      // A guard that appeared closes its path now, however long the reading takes.
      publisher.changed();
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asWaystationError(thrown);
      const discovery = discoveryFailed(this.#contact.discovery, error, parts.clock);
      const answered = isOutage(error) ? this.#contact.lastContact : parts.clock.now();
      this.#contact = { ...this.#contact, discovery, lastContact: answered };
      const lasting = parts.clock.monotonic() - discovery.begun;
      const delay = this.#delay({ error, attempts: discovery.attempts, lasting });
      this.#due = parts.clock.monotonic() + delay;
      run.failed({
        path: hub.url ?? options.name,
        code: error.code,
        reason: error.message,
        attempts: discovery.attempts,
        nextTry: this.#at(delay),
      });
      parts.log.warn({ hub: hub.url, code: error.code, reason: error.message }, 'the hub cannot be asked for its list');
    }
  }

  #drop(member: Member, targets: Set<Member>): void {
    member.reading = false;
    targets.delete(member);
  }

  async #readAll(run: Run, members: readonly Member[], next: number, signal: AbortSignal): Promise<void> {
    run.expect(members.length);
    const underWay: Promise<void>[] = [];
    try {
      await forEachBounded(members, lanes, signal, (member) => {
        const ahead = Promise.withResolvers<void>();
        const read = this.#read({ run, member, next, ahead: ahead.resolve }, signal).then(() => {
          run.repositoryDone();
          this.#context.wake();
        });
        underWay.push(read);
        // Packages may wait for long; the next repository's metadata shall not.
        return Promise.race([ahead.promise, read]);
      });
    } finally {
      await Promise.allSettled(underWay);
    }
    await Promise.all(underWay);
  }

  async #read({ run, member, next, ahead }: MemberRead, signal: AbortSignal): Promise<void> {
    const { publisher, parts, options } = this.#context;
    const repository = member.wanted;
    if (repository === null) return;
    try {
      const trust = await options.trust(member.path);
      const previous = member.proven === null ? null : { document: member.proven, mark: member.mark };
      const { requested: thorough, progress } = run;
      const afresh = run.forces(member.path);
      if (afresh && member.proven !== null) {
        await parts.proof.metadata({ path: member.path, document: member.proven }, run.phase('held files'), signal);
      }
      const result = await parts.reader.read({ repository, trust, previous, thorough, afresh, progress }, signal);
      if (member.failure !== null) parts.log.info({ path: member.path }, 'a repository can be read again');
      this.#contact = { ...this.#contact, lastContact: parts.clock.now() };
      const onDemand = options.policyOf(member.path) === 'on-demand';
      const first = member.proven === null;
      const proven = (): void => {
        member.succeeded(result.document, result.mark, parts.clock.now());
        if (options.flip === 'each' || first) publisher.changed();
      };
      member.begun = result.document;
      // The first generation serves at once; a later one has to hold what its policy promises.
      sayVariants({ member, document: result.document, context: this.#context });
      member.early = first;
      if (first || onDemand) proven();
      const wanted = { run, member, repository, document: result.document, context: this.#context, ahead };
      await fetchWanted(wanted, signal);
      if (!first && !onDemand) proven();
      member.complete();
      member.due = next;
      member.reading = false;
    } catch (thrown) {
      signal.throwIfAborted();
      this.#failed(run, member, asWaystationError(thrown));
      member.reading = false;
    }
  }

  #failed(run: Run, member: Member, error: WaystationError): void {
    const { clock, log } = this.#context.parts;
    const known = member.failure?.error.code;
    const failure = member.failed(error, { now: clock.now(), monotonic: clock.monotonic() });
    const { attempts, begun } = failure;
    const delay = this.#delay({ error, attempts, lasting: clock.monotonic() - begun });
    member.due = clock.monotonic() + delay;
    if (!isOutage(error)) this.#contact = { ...this.#contact, lastContact: clock.now() };
    const nextTry = this.#at(delay);
    run.retriedAt(member.path, nextTry);
    run.failed({ path: member.path, code: error.code, reason: error.message, attempts, nextTry });
    const fields = { path: member.path, code: error.code, reason: error.message, attempts };
    // Once a row: the retries of a long outage would bury everything else.
    if (known === error.code) log.debug(fields, 'a repository still cannot be read');
    else log.warn(fields, 'a repository cannot be read');
  }

  async #publish(run: Run): Promise<void> {
    const { publisher, parts, options } = this.#context;
    try {
      await publisher.settle();
      this.#publishFailures = { attempts: 0, begun: 0 };
    } catch (thrown) {
      const error = asWaystationError(thrown);
      if (error.code === 'cancelled') throw error;
      const now = parts.clock.monotonic();
      const { attempts, begun } = this.#publishFailures;
      this.#publishFailures = { attempts: attempts + 1, begun: attempts === 0 ? now : begun };
      const delay = this.#delay({ error, attempts: attempts + 1, lasting: now - this.#publishFailures.begun });
      this.#due = Math.min(this.#due, now + delay);
      run.failed({
        path: options.name,
        code: error.code,
        reason: `publishing failed: ${error.message}`,
        attempts: attempts + 1,
        nextTry: this.#at(delay),
      });
      parts.log.error({ code: error.code, reason: error.message }, 'publishing failed');
    }
  }

  #taken(path: string, owner: string): Parameters<Run['failed']>[0] {
    const delay = Math.max(0, this.#due - this.#context.parts.clock.monotonic());
    return { path, code: 'path_taken', reason: `path taken by ${owner}`, attempts: 1, nextTry: this.#at(delay) };
  }

  #delay(row: Parameters<typeof retryDelay>[0]): number {
    return jittered(retryDelay(row, this.#context.options.refresh), this.#context.parts.random);
  }

  /** RFC 3339 of a moment so many milliseconds from now. */
  #at(delay: number): string {
    return new Date(this.#context.parts.clock.now() + delay).toISOString();
  }
}
