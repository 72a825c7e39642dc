import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { channelDocument } from '../../protocol/channel.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { signed, verified } from '../../protocol/signed.ts';
import { isSnapshotName } from '../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { keysOf } from '../store/layout.ts';
import { wholeObject } from '../store/object-store.ts';
import type { ObjectStore, Version } from '../store/object-store.ts';

/** How long what a channel says is believed without hearing of it again. */
const life = 30 * 24 * 60 * 60_000;

/** Who changes a channel, and why. */
export interface Change {
  readonly by: string;
  readonly why: string | null;
}

interface Read {
  readonly document: ChannelDocument;
  readonly text: string;
  readonly version: Version;
}

/** The channels of a store: pointers that PoPs follow, with everything that they ever pointed to. */
export class Channels {
  readonly #store: ObjectStore;
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #epoch: number;

  constructor(options: { store: ObjectStore; keys: SigningKeys; clock: Clock; epoch: number }) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#epoch = options.epoch;
  }

  /** null: there is no such channel. */
  async find(channel: string): Promise<ChannelDocument | null> {
    return (await this.#read(channel))?.document ?? null;
  }

  /** All of them, by name. */
  async *list(): AsyncGenerator<ChannelDocument> {
    for await (const { key } of this.#store.list(keysOf.channels)) {
      const name = key.slice(keysOf.channels.length).replace(/\.jws$/, '');
      const found = name.includes('/') ? null : await this.find(name);
      if (found !== null) yield found;
    }
  }

  /** What it pointed to before, newest first. */
  async history(channel: string): Promise<readonly ChannelDocument[]> {
    const found: ChannelDocument[] = [];
    for await (const { key } of this.#store.list(keysOf.channelHistory(channel))) {
      const object = await this.#store.get(key);
      if (object !== null) found.push(await this.#verified(object.bytes.toString()));
    }
    return found.toSorted((one, other) => other.sequence - one.sequence);
  }

  /** Points a channel to a snapshot; one that does not exist is made. Changes nothing when it points there already. */
  async promote(channel: string, snapshot: SnapshotDocument, change: Change): Promise<ChannelDocument> {
    for (;;) {
      const before = await this.#read(channel);
      if (before?.document.snapshot === snapshot.name) return before.document;
      const made = await this.#replace(channel, before, { snapshot: snapshot.name, content: snapshot.content }, change);
      if (made !== null) return made;
      // Somebody else was faster: what is there now counts.
    }
  }

  /** Points a channel to what it pointed to before. @throws WaystationError `unknown_channel`, `nothing_older` */
  async rollback(channel: string, change: Change): Promise<ChannelDocument> {
    for (;;) {
      const before = await this.#read(channel);
      if (before === null) throw new WaystationError('unknown_channel', `no channel is called ${channel}`);
      const target = await this.#earlier(before.document, await this.history(channel));
      if (target === undefined) throw new WaystationError('nothing_older', `${channel} pointed to nothing else before`);
      const made = await this.#replace(channel, before, target, change);
      if (made !== null) return made;
    }
  }

  /**
   * Says again what a channel says, before that ends: when half of its life is over, or it is of an earlier epoch.
   * @returns null when it is not time yet, or somebody has just said something else.
   */
  async renew(channel: string): Promise<ChannelDocument | null> {
    const before = await this.#read(channel);
    if (before === null || !this.#isDue(before.document)) return null;
    const why = before.document.epoch === this.#epoch ? 'renewed' : 'renewed: the store was restored';
    return this.#replace(channel, before, before.document, { by: 'hub', why });
  }

  #isDue({ epoch, issued, expires }: ChannelDocument): boolean {
    return epoch !== this.#epoch || this.#clock.now() >= (Date.parse(issued) + Date.parse(expires)) / 2;
  }

  /** The last other snapshot that is still there. */
  async #earlier(
    { snapshot: current }: ChannelDocument,
    history: readonly ChannelDocument[],
  ): Promise<ChannelDocument | undefined> {
    for (const each of history)
      if (each.snapshot !== current && (await this.#store.has(keysOf.retired(each.snapshot))) === null) return each;
    return undefined;
  }

  /** null: the channel is not as it was read. */
  async #replace(
    channel: string,
    before: Read | null,
    target: Pick<ChannelDocument, 'snapshot' | 'content'>,
    change: Change,
  ): Promise<ChannelDocument | null> {
    const now = this.#clock.now();
    const document: ChannelDocument = {
      format: 1,
      channel,
      epoch: this.#epoch,
      sequence: (before?.document.sequence ?? 0) + 1,
      snapshot: target.snapshot,
      content: target.content,
      issued: new Date(now).toISOString(),
      expires: new Date(now + life).toISOString(),
      ...change,
    };
    const bytes = Buffer.from(await signed('channel', document, this.#keys.signer));
    // As late as can be: what was retired since somebody looked at it is removed a while after that.
    const isMoved = before?.document.snapshot !== target.snapshot;
    if (isMoved && (await this.#store.has(keysOf.retired(target.snapshot))) !== null)
      throw new WaystationError('unknown_snapshot', `${target.snapshot} was retired`);
    const key = keysOf.channel(channel);
    if (before === null) return (await this.#store.putIfAbsent(key, wholeObject(bytes))) ? document : null;
    // What is about to be replaced first: a change cut off here has only written down what is the case.
    const { sequence } = before.document;
    await this.#store.putIfAbsent(keysOf.channelBefore(channel, sequence), wholeObject(Buffer.from(before.text)));
    return (await this.#store.putIfMatch(key, bytes, before.version)) === null ? null : document;
  }

  async #read(channel: string): Promise<Read | null> {
    if (!isSnapshotName(channel)) throw new WaystationError('bad_request', `${channel} is no name of a channel`);
    const object = await this.#store.get(keysOf.channel(channel));
    if (object === null) return null;
    const text = object.bytes.toString();
    return { document: await this.#verified(text), text, version: object.version };
  }

  #verified(text: string): Promise<ChannelDocument> {
    return verified(text, { kind: 'channel', keys: this.#keys.published, schema: channelDocument });
  }
}
