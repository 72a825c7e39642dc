import { z } from 'zod';
import { parseDigest } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { publicKeys } from './signed.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value);

/** What a hub wants of one PoP. Signed; each PoP has its own. */
export const assignmentDocument = z.object({
  format: z.literal(1),
  /** Id of the PoP that it is for; any other refuses it. */
  audience: z.string(),
  /** Grows when the hub's store was restored: what was seen of an earlier epoch says nothing about this one. */
  epoch: z.int().min(1),
  /** Grows with each change inside an epoch; who has seen a larger one takes no smaller one. */
  sequence: z.int().min(1),
  /** RFC 3339. Past `expires` what it says is served on, and an alarm raised. */
  issued: z.iso.datetime(),
  expires: z.iso.datetime(),
  /** Names of the channels that this PoP may follow. */
  channels: z.array(z.string()),
  /** What is fetched before anyone asks; null: as the PoP's own configuration has it. */
  policy: z
    .string()
    .regex(/^(on-demand|full|newest:[1-9]\d{0,5})$/)
    .nullable(),
  /** Files that this PoP must not serve, as metadata lists them. */
  deny: z.array(digest),
  /** Seconds between two heartbeats. */
  heartbeat: z.int().min(1).max(3_600),
  /** The keys by which the hub signs from now on, this one's among them. */
  keys: publicKeys,
});

export type AssignmentDocument = z.output<typeof assignmentDocument>;

/** Answer of `GET /v1/assignment`: everything that moves, in one piece. */
export const assignmentAnswer = z.object({
  /** A signed assignment. */
  assignment: z.string(),
  /** Name of each channel of the assignment that exists → the signed channel. */
  channels: z.record(z.string(), z.string()),
});

export type AssignmentAnswer = z.output<typeof assignmentAnswer>;
