/** Who waited because it was full goes on when so much of it is left: many in one go, who then share what each would wake. */
const lowWater = 7 / 8;

/** Work that is nearly done: received, and waiting for the disk. Bounded by number and by bytes. */
export class Unsettled {
  readonly #most: { readonly files: number; readonly bytes: number };
  #files = 0;
  #bytes = 0;
  #waiting: (() => void)[] = [];

  constructor(most: { files: number; bytes: number }) {
    this.#most = most;
  }

  add(bytes: number): void {
    this.#files += 1;
    this.#bytes += bytes;
  }

  /** What was added has settled, well or not. */
  settled(bytes: number): void {
    this.#files -= 1;
    this.#bytes -= bytes;
    const waiting = this.#waiting;
    if (waiting.length === 0 || this.#isHigh) return;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** @returns when more may be added; nothing when that is now. */
  room(): void | Promise<void> {
    if (!this.#isFull) return;
    return this.#untilRoom();
  }

  /** Resolves when all of it has settled. */
  async end(): Promise<void> {
    while (this.#files > 0) await this.#change();
  }

  get #isFull(): boolean {
    return this.#files >= this.#most.files || (this.#bytes > this.#most.bytes && this.#files > 0);
  }

  get #isHigh(): boolean {
    const { files, bytes } = this.#most;
    return this.#files > files * lowWater || (this.#bytes > bytes * lowWater && this.#files > 0);
  }

  async #untilRoom(): Promise<void> {
    while (this.#isFull) await this.#change();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
