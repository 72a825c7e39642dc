/** Who waits for an end, without a promise of its own. */
export interface Listener<T> {
  resolved(value: T): void;
  rejected(reason: unknown): void;
}

type State<T> =
  | { readonly kind: 'open' }
  | { readonly kind: 'resolved'; readonly value: T }
  | { readonly kind: 'rejected'; readonly reason: unknown };

const open = { kind: 'open' } as const;

/**
 * How something ends that many may wait for, and mostly one or nobody does: a promise is made when somebody asks for it,
 * and an error that nobody asked about is nobody's unhandled rejection. What comes after the first end is ignored.
 */
export class Ending<T> {
  #state: State<T> = open;
  /** Mostly there is one, and a list would be larger than all else of a small file. */
  #first: Listener<T> | null = null;
  #others: Listener<T>[] | null = null;

  get promise(): Promise<T> {
    return new Promise((resolve, reject) => this.tell({ resolved: resolve, rejected: reject }));
  }

  /** Tells the listener when it ends, or now. */
  tell(listener: Listener<T>): void {
    if (this.#state.kind === 'resolved') listener.resolved(this.#state.value);
    else if (this.#state.kind === 'rejected') listener.rejected(this.#state.reason);
    else if (this.#first === null) this.#first = listener;
    else (this.#others ??= []).push(listener);
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
    const first = this.#first;
    const others = this.#others;
    this.#first = null;
    this.#others = null;
    if (first !== null) this.tell(first);
    if (others !== null) for (const listener of others) this.tell(listener);
  }
}
