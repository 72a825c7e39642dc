type State<T> =
  | { readonly kind: 'open' }
  | { readonly kind: 'resolved'; readonly value: T }
  | { readonly kind: 'rejected'; readonly reason: unknown };

const open = { kind: 'open' } as const;

/**
 * How something ends that many may wait for, and mostly nobody does: a promise is made when somebody first asks for it,
 * and an error that nobody asked about is nobody's unhandled rejection. What comes after the first end is ignored.
 */
export class Ending<T> {
  #state: State<T> = open;
  #asked: PromiseWithResolvers<T> | null = null;

  /** The same one for all who ask. */
  get promise(): Promise<T> {
    if (this.#asked === null) {
      this.#asked = Promise.withResolvers();
      this.#tell();
    }
    return this.#asked.promise;
  }

  resolve(value: T): void {
    this.#end({ kind: 'resolved', value });
  }

  reject(reason: unknown): void {
    this.#end({ kind: 'rejected', reason });
  }

  #end(state: State<T>): void {
    if (this.#state.kind !== 'open') return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    if (this.#state.kind === 'resolved') this.#asked?.resolve(this.#state.value);
    else if (this.#state.kind === 'rejected') this.#asked?.reject(this.#state.reason);
  }
}
