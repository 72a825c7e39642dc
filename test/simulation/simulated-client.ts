import type { ByteSource } from '../../base/body.ts';
import type { Listed } from '../../base/digest.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { BlobStore } from '../../cache/blobs/blob-store.ts';
import type { Fills } from '../../cache/fills/fills.ts';
import type { FillRequest } from '../../cache/fills/in-flight.ts';
import type { SingleRange } from '../../cache/fills/slices.ts';
import type { Timeline } from './timeline.ts';

/** What one client will do. */
export interface ClientPlan {
  readonly name: string;
  /** Milliseconds. */
  readonly arrives: number;
  readonly listed: Listed;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Bytes a read; milliseconds between two reads. */
  readonly buffer: number;
  readonly pace: number;
  /** Leaves after so many bytes; null: stays. */
  readonly leavesAfter: number | null;
}

/** How a request ended: what a client was told, or saw. */
export type ClientEnd = 'whole' | 'left' | 'refused' | 'cut';

export interface ClientResult {
  readonly plan: ClientPlan;
  end: ClientEnd | null;
  /** How the bytes were had. */
  outcome: 'hit' | 'miss' | 'collapsed' | 'partial' | 'bypass' | null;
  readonly bytes: Buffer;
  received: number;
  /** The failure's code. */
  code: string | null;
  /** Milliseconds from the request until bytes could be read, or it was refused; null before. */
  waited: number | null;
}

interface Serving {
  readonly timeline: Timeline;
  readonly blobs: BlobStore;
  readonly fills: Fills;
  readonly request: FillRequest;
  /** The range that it asks for; null: all of it. */
  readonly single: SingleRange | null;
  /** Called after each read, with what it gave already counted. */
  readonly received: (result: ClientResult) => void;
}

/** One GET as the gateway answers it: held, else filled; a held file that fails before its first byte is filled too. */
export async function runClient(plan: ClientPlan, serving: Serving): Promise<ClientResult> {
  const { timeline, blobs, fills, request, single } = serving;
  const result: ClientResult = {
    plan,
    end: null,
    outcome: null,
    bytes: Buffer.alloc(plan.end - plan.start),
    received: 0,
    code: null,
    waited: null,
  };
  await timeline.sleep(plan.arrives);
  const began = timeline.monotonic();
  const begun = (outcome: ClientResult['outcome']): void => {
    result.outcome = outcome;
    result.waited = timeline.monotonic() - began;
  };
  try {
    const held = await blobs.open(request.scope, request.listed);
    if (held !== null) {
      begun('hit');
      if (await readOn(held, result, serving)) return result;
      await blobs.distrust(request.scope, request.listed);
    }
    const { source, outcome } = await fills.open(request, plan.start, single);
    begun(outcome);
    if (!(await readOn(source, result, serving))) result.end = 'refused';
  } catch (error) {
    result.code = asWaystationError(error).code;
    result.end = 'refused';
    result.waited ??= timeline.monotonic() - began;
  }
  return result;
}

/** @returns false when the source failed before it gave anything: another may be tried. */
async function readOn(source: ByteSource, result: ClientResult, serving: Serving): Promise<boolean> {
  const { plan } = result;
  try {
    while (plan.start + result.received < plan.end) {
      if (plan.leavesAfter !== null && result.received >= plan.leavesAfter) {
        result.end = 'left';
        return true;
      }
      const position = plan.start + result.received;
      const into = result.bytes.subarray(result.received, result.received + plan.buffer);
      const count = await source.read(into, position, into.length);
      if (count === 0) throw new Error('a source ended before the end of the file');
      result.received += count;
      serving.received(result);
      if (plan.pace > 0) await serving.timeline.sleep(plan.pace);
    }
    result.end = 'whole';
    return true;
  } catch (error) {
    result.code = asWaystationError(error).code;
    if (result.received === 0) return false;
    result.end = 'cut';
    return true;
  } finally {
    source.release();
  }
}
