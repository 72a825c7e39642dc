/** The time, as a port: rules that depend on it are tested without waiting. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; use it for what people and peers read. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary origin. Never jumps; use it for durations. */
  monotonic(): number;
  /** Resolves after `milliseconds`, or rejects with the signal's reason once that aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own clock. Its timers do not keep the process alive. */
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
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, milliseconds);
      signal?.addEventListener('abort', onAbort, { once: true });
    }),
};
