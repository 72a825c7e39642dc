import type { PlainEnd, PlainFailure, PlainPlace, PlainRequest } from '../base/plain-get.ts';

/** A small file that is to be fetched to a path where there is none yet, proven, and stamped. */
export interface Fetch {
  readonly path: string;
  readonly request: PlainRequest;
  readonly size: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
  /** Called once. Unless the file is put, nothing is there by this fetch, or with `lost` perhaps something. */
  fetched(end: PlainEnd): void;
}

/** Places that are new to the thread, and GETs, flat: number, place, target, path, size and sha256 of each. */
export interface GetsMessage {
  readonly places: readonly (readonly [number, PlainPlace])[];
  readonly gets: readonly (string | number)[];
  /** What is under way is given up, and these with it. */
  readonly cut: boolean;
}

/** Ends, flat: number, failure, date, received and proven of each. */
export interface GetsAnswer {
  readonly ended: readonly (string | number | Uint8Array | null)[];
}

/** Milliseconds from one message to the next: each costs two wake-ups. */
const apart = 1;

/** GETs of the thread of files, as who asks for them sees them. */
export class ThreadGets {
  readonly #post: (message: GetsMessage) => void;
  readonly #underWay = new Map<number, Fetch>();
  readonly #places = new Map<PlainPlace, number>();
  #newPlaces: [number, PlainPlace][] = [];
  #gathered: (string | number)[] = [];
  #next = 1;
  #sending = false;
  #lastSent = -Infinity;

  /** @param post gives a message to the thread, which may end without an answer: then it is told `lost`. */
  constructor(post: (message: GetsMessage) => void) {
    this.#post = post;
  }

  get busy(): boolean {
    return this.#underWay.size > 0;
  }

  add(fetch: Fetch): void {
    const number = this.#next;
    this.#next += 1;
    this.#underWay.set(number, fetch);
    const { request, path, size, sha256 } = fetch;
    this.#gathered.push(number, this.#numberOf(request.place), request.target, path, size, sha256);
    if (!this.#sending) this.#sendLater();
  }

  answered({ ended }: GetsAnswer): void {
    for (let at = 0; at < ended.length; at += 5) {
      const proven = ended[at + 4] as Uint8Array | null;
      this.#ended(ended[at] as number, {
        failure: ended[at + 1] as PlainFailure | null,
        date: ended[at + 2] as string | null,
        received: ended[at + 3] as number,
        proven: proven === null ? null : Buffer.from(proven),
      });
    }
  }

  /** Gives up what is under way: it ends soon. */
  cut(): void {
    if (this.busy) this.#send(true);
  }

  /** The thread has ended, and with it what it knew. */
  lost(): void {
    [this.#newPlaces, this.#gathered] = [[], []];
    this.#places.clear();
    for (const number of this.#underWay.keys().toArray())
      this.#ended(number, { failure: 'lost', date: null, received: 0, proven: null });
  }

  #ended(number: number, end: PlainEnd): void {
    const fetch = this.#underWay.get(number);
    this.#underWay.delete(number);
    fetch?.fetched(end);
  }

  #numberOf(place: PlainPlace): number {
    const known = this.#places.get(place);
    if (known !== undefined) return known;
    const number = this.#places.size + 1;
    this.#places.set(place, number);
    this.#newPlaces.push([number, place]);
    return number;
  }

  #sendLater(): void {
    this.#sending = true;
    const send = (): void => {
      this.#sending = false;
      if (this.#gathered.length > 0) this.#send(false);
    };
    const wait = this.#lastSent + apart - performance.now();
    if (wait > 0) setTimeout(send, wait);
    else setImmediate(send);
  }

  #send(cut: boolean): void {
    const message = { places: this.#newPlaces, gets: this.#gathered, cut };
    [this.#newPlaces, this.#gathered] = [[], []];
    this.#lastSent = performance.now();
    this.#post(message);
  }
}
