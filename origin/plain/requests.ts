import type { Logger } from '../../base/log.ts';
import type { PlainEnd, PlainPlace, PlainRequest } from '../../base/plain-get.ts';
import { parseHttpDate } from '../../http/http-date.ts';
import { placeOf } from '../connections.ts';
import type { Health } from '../health.ts';
import type { RequestTexts, Target } from '../request-text.ts';
import { shownUrl } from '../shown-url.ts';
import type { Passage, Traffic } from '../traffic.ts';

interface Parts {
  readonly texts: RequestTexts;
  readonly health: Health;
  readonly traffic: Traffic;
  readonly log: Logger;
}

/** Told what came of a GET, after the traffic and the origin's health were. */
type Told = (end: PlainEnd) => void;

/** Origins that are remembered. */
const mostPlaces = 256;
const never = new AbortController().signal;

/** Plain GETs of one identity. What fails of them is asked for again the ordinary way, which tells whose fault it is. */
export class PlainRequests {
  readonly #parts: Parts;
  readonly #places = new Map<string, PlainPlace>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @returns null for what cannot be sent: `get` says why. */
  request(url: Target, passage: Passage, told: Told): PlainRequest | null {
    const target = this.#parts.texts.plainTarget(url);
    if (target === null) return null;
    return new Plain({ place: this.#place(url.origin), url, target }, (end) => {
      this.#ended(url, passage, end);
      told(end);
    });
  }

  #ended(url: Target, passage: Passage, { failure, date, received }: PlainEnd): void {
    const { health, traffic, log } = this.#parts;
    traffic.plainEnded(failure);
    // A limit that began meanwhile counts them; others wait for it.
    void passage.pay(received, never);
    if (failure === null || failure === 'unputtable')
      health.of(url.origin).answered(date === null ? null : parseHttpDate(date));
    if (failure !== null) log.debug({ url: shownUrl(url), received, failure }, 'a plain GET did not put its file');
  }

  #place(origin: string): PlainPlace {
    const known = this.#places.get(origin);
    if (known !== undefined) return known;
    if (this.#places.size >= mostPlaces) this.#places.clear();
    const url = new URL(origin);
    const place = { ...placeOf(url), secure: url.protocol === 'https:', fields: this.#parts.texts.plainFields(origin) };
    this.#places.set(origin, place);
    return place;
  }
}

class Plain implements PlainRequest {
  readonly place: PlainPlace;
  readonly target: string;
  readonly ended: Told;
  readonly #url: Target;

  constructor({ place, url, target }: { place: PlainPlace; url: Target; target: string }, ended: Told) {
    this.place = place;
    this.target = target;
    this.ended = ended;
    this.#url = url;
  }

  get source(): string {
    return shownUrl(this.#url);
  }
}
