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
