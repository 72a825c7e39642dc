/**
 * A point that one side comes to and the other opens: what tests use instead of sleeping.
 *
 *     const gate = new Gate();
 *     origin.on('/big.rpm', stallAt(1024, gate));
 *     …
 *     await gate.reached;   // the origin has sent 1,024 bytes and waits
 *     gate.open();
 */
export class Gate {
  /** Resolves when somebody has come to the gate for the first time. */
  readonly reached: Promise<void>;
  readonly #arrive: () => void;
  readonly #waiting = new Set<() => void>();
  #open = false;

  constructor() {
    const reached = Promise.withResolvers<void>();
    this.reached = reached.promise;
    this.#arrive = reached.resolve;
  }

  /** Lets everybody through who waits or comes later. */
  open(): void {
    this.#open = true;
    for (const pass of this.#waiting) pass();
    this.#waiting.clear();
  }

  /**
   * Comes to the gate; `pass` is called once it is open (at once if it is).
   * @returns a function that leaves the gate without passing.
   */
  come(pass: () => void): () => void {
    this.#arrive();
    if (this.#open) pass();
    else this.#waiting.add(pass);
    return () => this.#waiting.delete(pass);
  }
}
