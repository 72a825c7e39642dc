import { z } from 'zod';

const sequence = z.int().min(0);

/** The highest numbers that a hub's documents had, by epoch: what has a lower one is a replay. */
export const seenFile = z.object({
  format: z.literal(1),
  epochs: z.record(z.string(), z.object({ assignment: sequence, channels: z.record(z.string(), sequence) })),
});

export type Seen = z.output<typeof seenFile>;

export const nothingSeen: Seen = { format: 1, epochs: {} };

/** What was seen in one epoch. */
export function seenIn(seen: Seen, epoch: number): Seen['epochs'][string] {
  return seen.epochs[epoch] ?? { assignment: 0, channels: {} };
}

/** For who is another PoP from now on: its assignments are numbered anew, the channels are the same. */
export function seenByAnother({ epochs }: Seen): Seen {
  const kept = Object.entries(epochs).map(([epoch, { channels }]) => [epoch, { assignment: 0, channels }] as const);
  return { format: 1, epochs: Object.fromEntries(kept) };
}
