import type { Gate } from '../../support/faulty-origin-gate.ts';
import type { Passing } from '../../support/forward-proxy.ts';

/** Bytes a second of a body that is held up: never so few that it counts as standing still. */
const slow = 1000;
const step = 100;

/** Says for each package that comes when it may come at full speed. */
export type HeldUp = (url: string) => Gate | null;

/** A proxy's way of passing on: packages come very slowly until their gates open, everything else at once. */
export function slowPackages(gateOf: HeldUp): Passing {
  return async function* (url, body) {
    const gate = url.endsWith('.rpm') ? gateOf(url) : null;
    let open = gate === null;
    let leave = (): void => {};
    const opened = new Promise<void>((resolve) => {
      leave = gate?.come(resolve) ?? leave;
    }).then(() => void (open = true));
    try {
      for await (const chunk of body) {
        for (let at = 0; at < chunk.length; at += step) {
          if (open) {
            yield chunk.subarray(at);
            break;
          }
          yield chunk.subarray(at, at + step);
          await Promise.race([opened, pause((step / slow) * 1000)]);
        }
      }
    } finally {
      leave();
    }
  };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
