import { z } from 'zod';

const count = z.int().min(0);
const instant = z.iso.datetime();
/** For people, and bounded: a hub keeps what thousands of PoPs say. */
const text = z.string().max(1_000);

const failure = z.object({ code: z.string().max(64), message: text, path: text.nullable() });

/** How a PoP stands with one channel. */
const channelReport = z.object({
  channel: z.string().max(100),
  subscription: z.string().max(32),
  /** The snapshot that is served; null: none yet. */
  snapshot: z.string().max(100).nullable(),
  generation: z.string().max(100).nullable(),
  published: instant.nullable(),
  /** Everything that the policy wants of that snapshot is held. */
  complete: z.boolean(),
  packages: z.object({ listed: count, held: count }),
  bytes: z.object({ listed: count, held: count }),
  /** The first few of what is wrong now; `errorCount` has all. */
  errors: z.array(failure).max(20),
  errorCount: count,
});

/** Body of `POST /v1/heartbeats`: how a PoP does. Totals count from `started`. */
export const heartbeat = z.object({
  format: z.literal(1),
  version: z.string().max(100),
  /** By the PoP's own clock. */
  at: instant,
  started: instant,
  channels: z.array(channelReport).max(100),
  traffic: z.object({ requests: count, hits: count, bytes: count, upstreamBytes: count }),
  cache: z.object({ state: z.string().max(32), bytes: count, max: count, free: count }),
});

export type Heartbeat = z.output<typeof heartbeat>;
