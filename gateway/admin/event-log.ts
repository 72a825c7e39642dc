import { randomBytes } from 'node:crypto';
import type { EventSink, ServiceEvent } from './service-events.ts';

/** What is kept for readers that come back, or are slow. */
export interface EventLogBounds {
  readonly events: number;
  /** Of the text of the events. */
  readonly bytes: number;
}

const defaultBounds: EventLogBounds = { events: 2_000, bytes: 1024 * 1024 };

interface Entry {
  readonly number: number;
  /** As the stream has it. */
  readonly text: string;
  /** The run whose progress it is: only the last of each is of use. */
  readonly progressOf: string | null;
}

/** What a reader gets at once. */
export interface EventBatch {
  /** Whole events of `text/event-stream`; empty: nothing happened since. */
  readonly text: string;
  /** Where to go on. */
  readonly position: number;
}

/**
 * The last events of this process, numbered. Readers hold nothing but their position, so that a slow one costs no
 * memory: it finds fewer events of progress, and when others went away before it came, a `gap` event says so.
 */
export class EventLog implements EventSink {
  readonly #bounds: EventLogBounds;
  /** Tells the numbers of this process from those of an earlier one. */
  readonly #life = randomBytes(4).toString('hex');
  #entries: Entry[] = [];
  #bytes = 0;
  #last = 0;
  /** The highest number that no reader can have any more, other than of progress that newer progress replaced. */
  #lost = 0;
  readonly #waiting = new Set<() => void>();
  readonly #closing = new AbortController();

  constructor(bounds: EventLogBounds = defaultBounds) {
    this.#bounds = bounds;
  }

  tell(event: ServiceEvent): void {
    this.#last += 1;
    const progressOf = event.event === 'run-progress' ? event.run.id : null;
    const entry = { number: this.#last, text: block(this.idOf(this.#last), event.event, event), progressOf };
    const stale = progressOf === null ? -1 : this.#entries.findIndex((each) => each.progressOf === progressOf);
    if (stale >= 0) this.#bytes -= this.#entries.splice(stale, 1)[0]?.text.length ?? 0;
    this.#entries.push(entry);
    this.#bytes += entry.text.length;
    while (this.#entries.length > this.#bounds.events || this.#bytes > this.#bounds.bytes) this.#drop();
    this.#wake();
  }

  /** The position after the last event. */
  get end(): number {
    return this.#last;
  }

  /** The name of a position: what a client sends back as `Last-Event-ID`. */
  idOf(position: number): string {
    return `${this.#life}-${position}`;
  }

  /** The position of such a name; null when it is none of this process. */
  positionOf(id: string): number | null {
    const [life, digits = ''] = id.split('-');
    const position = /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
    return life === this.#life && position <= this.#last ? position : null;
  }

  /** The events after a position, at most so many characters of them, but one at least. */
  read(after: number, most: number): EventBatch {
    if (after < this.#lost) return { text: this.gap('too old', this.#lost), position: this.#lost };
    let text = '';
    let position = after;
    for (const entry of this.#entries) {
      if (entry.number <= after) continue;
      if (text !== '' && text.length + entry.text.length > most) break;
      text += entry.text;
      position = entry.number;
    }
    return { text, position };
  }

  /** An event that says that some are missing before this position. */
  gap(reason: 'too old' | 'unknown id', position: number): string {
    return block(this.idOf(position), 'gap', { event: 'gap', reason });
  }

  /** Resolves when something happened after this position, or the log is closed; rejects with the signal's reason. */
  async changed(position: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#last > position || this.closed) return;
    const woken = Promise.withResolvers<void>();
    const leave = (): void => woken.reject(signal.reason as Error);
    this.#waiting.add(woken.resolve);
    signal.addEventListener('abort', leave, { once: true });
    await woken.promise.finally(() => {
      this.#waiting.delete(woken.resolve);
      signal.removeEventListener('abort', leave);
    });
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Ends all streams: the service stops, and must not wait for them. */
  close(): void {
    this.#closing.abort();
    this.#wake();
  }

  #drop(): void {
    const [first] = this.#entries.splice(0, 1);
    if (first === undefined) return;
    this.#bytes -= first.text.length;
    this.#lost = first.number;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** One event of `text/event-stream`: JSON has no line breaks, so its data is one line. */
function block(id: string, name: string, data: object): string {
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
