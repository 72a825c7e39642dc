/** Who gives up when a signal aborts. */
export interface Abortable {
  aborted(reason: Error): void;
}

/** By signal: one listener of the signal for all, since a signal goes through all of its own to drop one. */
const waiting = new WeakMap<AbortSignal, Set<Abortable>>();

/** Who is told when the signal aborts: who comes adds itself, and takes itself out when it needs to know no more. */
export function abortablesOf(signal: AbortSignal): Set<Abortable> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const all = new Set<Abortable>();
  waiting.set(signal, all);
  signal.addEventListener('abort', () => all.forEach((each) => each.aborted(signal.reason as Error)), { once: true });
  return all;
}

/** What the promise resolves with; rejects with the signal's reason as soon as that aborts. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abortable: Abortable = { aborted: aborted.reject };
  const all = abortablesOf(signal).add(abortable);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    all.delete(abortable);
  }
}
