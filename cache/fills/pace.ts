/** Milliseconds that one look lasts; less says little about a transfer that has just begun. */
const look = 1_000;

/** How fast a transfer brings bytes at present: over the last one to two seconds. */
export class Pace {
  #bytes = 0;
  #began: number;
  /** Of the look before this one. */
  #before: { readonly bytes: number; readonly began: number } | null = null;

  /** @param now monotonic milliseconds, as everywhere here. */
  constructor(now: number) {
    this.#began = now;
  }

  took(bytes: number, now: number): void {
    if (now - this.#began >= look) {
      this.#before = { bytes: this.#bytes, began: this.#began };
      this.#bytes = 0;
      this.#began = now;
    }
    this.#bytes += bytes;
  }

  /** Bytes a second; a transfer that stands still slows down with every look at it. */
  rate(now: number): number {
    const bytes = this.#bytes + (this.#before?.bytes ?? 0);
    const began = this.#before?.began ?? this.#began;
    return (bytes * 1_000) / Math.max(look, now - began);
  }
}
