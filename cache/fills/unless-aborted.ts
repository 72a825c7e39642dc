/** Who waits for a signal, by signal: one listener for all, since a signal goes through all of its own to drop one. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** What the promise resolves with; rejects with the signal's reason as soon as that aborts. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const all = waitingFor(signal);
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    all.add(onAbort);
    promise.then(
      (value) => {
        all.delete(onAbort);
        resolve(value);
      },
      (error: unknown) => {
        all.delete(onAbort);
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

function waitingFor(signal: AbortSignal): Set<() => void> {
  const known = waiting.get(signal);
  if (known !== undefined) return known;
  const all = new Set<() => void>();
  waiting.set(signal, all);
  signal.addEventListener('abort', () => all.forEach((onAbort) => onAbort()), { once: true });
  return all;
}
