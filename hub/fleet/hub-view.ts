import type { Clock } from '../../base/clock.ts';
import { asWaystationError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { channelDocument } from '../../protocol/channel.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { verified } from '../../protocol/signed.ts';
import type { PublicKeys } from '../../protocol/signed.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { readEpoch } from '../store/epoch.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { readRules } from './assignment-rules.ts';
import type { AssignmentRules } from './assignment-rules.ts';
import { WatchedFolder } from './watched-folder.ts';

interface SeenChannel {
  readonly document: ChannelDocument;
  readonly text: string;
  readonly version: string;
}

/** What assignments are made of, as it was at one time. */
export interface HubState {
  /** Another number: something is not as it was. */
  readonly number: number;
  readonly epoch: number;
  readonly keys: PublicKeys;
  readonly rules: AssignmentRules | null;
  /** By name, in the order of names. */
  readonly channels: ReadonlyMap<string, SeenChannel>;
}

/** What a hub says to all PoPs, in memory, and looked at again as often as wanted. */
export class HubView {
  readonly #store: ObjectStore;
  readonly #keys: SigningKeys;
  readonly #log: Logger;
  readonly #channels: WatchedFolder;
  #state: HubState | null = null;
  #basis = '';
  #looking: Promise<HubState> | null = null;

  constructor(options: {
    readonly store: ObjectStore;
    readonly keys: SigningKeys;
    readonly clock: Clock;
    readonly log: Logger;
  }) {
    this.#store = options.store;
    this.#keys = options.keys;
    this.#log = options.log;
    this.#channels = new WatchedFolder(options.store, keysOf.channels, options.clock);
  }

  /** As it was last seen. */
  async state(): Promise<HubState> {
    return this.#state ?? this.look();
  }

  /** As it is now: a few looks at small files. */
  look(): Promise<HubState> {
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<HubState> {
    const [rules, epoch] = await Promise.all([readRules(this.#store), readEpoch(this.#store)]);
    await this.#keys.look();
    await this.#channels.look();
    const versions = [...this.#channels.objects].map(([key, { version }]) => [key, version]);
    const basis = JSON.stringify([rules, epoch, this.#keys.published, versions]);
    if (this.#state !== null && basis === this.#basis) return this.#state;
    let { channels, refused } = await this.#read();
    if (refused.length > 0) {
      // Keys may have been rotated between the two looks, and a channel said by the new one.
      await this.#channels.look();
      await this.#keys.look();
      ({ channels, refused } = await this.#read());
    }
    // One that is damaged takes no other with it; PoPs stay on what they have.
    for (const { key, error } of refused) this.#log.error({ key, error }, 'a channel is not readable');
    this.#basis = basis;
    const keys = this.#keys.published;
    this.#state = { number: (this.#state?.number ?? 0) + 1, epoch, keys, rules, channels };
    return this.#state;
  }

  async #read(): Promise<{
    readonly channels: Map<string, SeenChannel>;
    readonly refused: readonly { readonly key: string; readonly error: string }[];
  }> {
    const [channels, refused] = [new Map<string, SeenChannel>(), [] as { key: string; error: string }[]];
    const keys = this.#keys.published;
    for (const [key, { bytes, version }] of this.#channels.objects) {
      const [text, name] = [bytes.toString(), /^([^/]+)\.jws$/.exec(key.slice(keysOf.channels.length))?.[1]];
      try {
        const document = await verified(text, { kind: 'channel', keys, schema: channelDocument });
        if (document.channel === name) channels.set(name, { document, text, version });
      } catch (error) {
        refused.push({ key, error: asWaystationError(error).message });
      }
    }
    return { channels, refused };
  }
}
