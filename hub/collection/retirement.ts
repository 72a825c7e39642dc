import { z } from 'zod';
import type { Clock } from '../../base/clock.ts';
import { parseDigest } from '../../base/digest.ts';
import type { Digest } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Channels } from '../channels/channels.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import { jsonBytes, readJson } from '../store/json-object.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { channelsNeed } from './keep-rule.ts';
import type { ChannelHistory } from './keep-rule.ts';

const retiredDocument = z.object({
  format: z.literal(1),
  snapshot: z.string(),
  /** The name stays taken: it never means anything else. */
  content: z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value),
  /** RFC 3339. */
  at: z.iso.datetime(),
  by: z.string(),
  why: z.string().nullable(),
});

export type Retired = z.output<typeof retiredDocument>;

/**
 * Snapshots that are to go. To retire one writes that down, so that no channel is pointed to it any more; a collection
 * removes it a while later, unless a channel was pointed to it in that very moment.
 */
export class Retirements {
  readonly #store: ObjectStore;
  readonly #channels: Channels;
  readonly #clock: Clock;

  constructor(parts: { readonly store: ObjectStore; readonly channels: Channels; readonly clock: Clock }) {
    this.#store = parts.store;
    this.#channels = parts.channels;
    this.#clock = parts.clock;
  }

  async find(snapshot: string): Promise<Retired | null> {
    return (await readJson(this.#store, keysOf.retired(snapshot), retiredDocument))?.value ?? null;
  }

  /** All of them, with when that was written by the store's clock, in milliseconds. */
  async *list(): AsyncGenerator<{ readonly retired: Retired; readonly written: number }> {
    for await (const { key, written } of this.#store.list(keysOf.retirements)) {
      const retired = await readJson(this.#store, key, retiredDocument);
      if (retired !== null) yield { retired: retired.value, written };
    }
  }

  /** @param grace milliseconds for which channels need what they pointed to. @throws WaystationError `snapshot_in_use` */
  async retire(
    { name, content }: Pick<SnapshotDocument, 'name' | 'content'>,
    { by, why, grace }: { readonly by: string; readonly why: string | null; readonly grace: number | null },
  ): Promise<void> {
    const now = this.#clock.now();
    const need = channelsNeed(name, await this.histories(), { grace, now });
    if (need !== null) throw new WaystationError('snapshot_in_use', `${name} is not retired: ${need}`);
    const document: Retired = { format: 1, snapshot: name, content, at: new Date(now).toISOString(), by, why };
    await this.#store.putIfAbsent(keysOf.retired(name), wholeObject(jsonBytes(document)));
  }

  /** It stays after all. */
  async undo(snapshot: string): Promise<void> {
    await this.#store.delete(keysOf.retired(snapshot));
  }

  /** What channels point to and pointed to. */
  async histories(): Promise<readonly ChannelHistory[]> {
    const found: ChannelHistory[] = [];
    for await (const current of this.#channels.list())
      found.push({ current, before: await this.#channels.history(current.channel) });
    return found;
  }
}
