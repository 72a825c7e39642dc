/** The time, as a port: rules that depend on it are tested without waiting. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; use it for what people and peers read. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary origin. Never jumps; use it for durations. */
  monotonic(): number;
  /** Resolves after `milliseconds`, or rejects with the signal's reason once that aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

const longestTimer = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const done = (): void => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      // A timer holds 2^31 - 1 ms; a longer one would fire at once.
      const wait = (left: number): NodeJS.Timeout =>
        setTimeout(
          () => (left > longestTimer ? (timer = wait(left - longestTimer)) : done()),
          Math.min(left, longestTimer),
        );
      let timer = wait(milliseconds);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
