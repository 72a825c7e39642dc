import { z } from 'zod';
import { parseDigest } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value);

/** Where a channel points to: a movable, signed pointer to a snapshot. */
export const channelDocument = z.object({
  format: z.literal(1),
  channel: z.string(),
  /** Grows when the hub's store was restored: what was seen of an earlier epoch says nothing about this one. */
  epoch: z.int().min(1),
  /** Grows by one with each change; who has seen a larger one takes no smaller one. */
  sequence: z.int().min(1),
  snapshot: z.string(),
  /** The content of that snapshot. */
  content: digest,
  /** RFC 3339. Past `expires` it is served on, and an alarm raised. */
  issued: z.iso.datetime(),
  expires: z.iso.datetime(),
  /** Who made the change, and why; for people. */
  by: z.string(),
  why: z.string().nullable(),
});

export type ChannelDocument = z.output<typeof channelDocument>;
