import { digestOf, hexOf } from '../../base/digest.ts';
import { WaystationError } from '../../base/errors.ts';
import type { ChannelDocument } from '../../protocol/channel.ts';
import { verified } from '../../protocol/signed.ts';
import type { PublicKeys } from '../../protocol/signed.ts';
import { snapshotDocument } from '../../protocol/snapshot.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { HubNotes } from '../hub-notes.ts';
import type { HubApi } from './hub-api.ts';

interface Note {
  readonly format: 1;
  /** Of what hub and channel it is: of another it says nothing. */
  readonly question: string;
  /** Signed. */
  readonly manifest: string;
}

/** The manifest of the snapshot that a subscription follows; the last one is in the notes. */
export class Manifests {
  readonly #notes: HubNotes;
  readonly #key: string;
  readonly #question: string;
  #last: SnapshotDocument | null = null;

  constructor(options: { readonly notes: HubNotes; readonly subscription: string; readonly of: readonly string[] }) {
    this.#notes = options.notes;
    this.#key = `hub/${options.subscription}`;
    this.#question = hexOf(digestOf(JSON.stringify(options.of)));
  }

  /** The one of an earlier process, null when there is none or nobody believed has signed it. */
  async recall(keys: PublicKeys): Promise<SnapshotDocument | null> {
    const note = await this.#notes.get(this.#key);
    if (typeof note !== 'object' || note === null || !('format' in note) || note.format !== 1) return null;
    const { question, manifest } = note as Note;
    if (question !== this.#question) return null;
    this.#last = await readManifest(manifest, keys).catch(() => null);
    return this.#last;
  }

  /**
   * The manifest of the snapshot that a channel points to.
   * @throws WaystationError `untrusted` when it is not what the channel says; what the hub throws.
   */
  async of(
    channel: ChannelDocument,
    { api, keys }: { readonly api: HubApi; readonly keys: PublicKeys },
    signal: AbortSignal,
  ): Promise<SnapshotDocument> {
    if (this.#last?.name === channel.snapshot && this.#last.content === channel.content) return this.#last;
    const text = await api.snapshot(channel.snapshot, signal);
    const manifest = await readManifest(text, keys);
    if (manifest.name !== channel.snapshot || manifest.content !== channel.content) {
      const why = `it is ${manifest.name} (${manifest.content}), not ${channel.snapshot} (${channel.content})`;
      throw new WaystationError('untrusted', `a snapshot of the hub is refused: ${why}`);
    }
    this.#last = manifest;
    const note: Note = { format: 1, question: this.#question, manifest: text };
    await this.#notes.put(this.#key, note);
    return manifest;
  }
}

function readManifest(text: string, keys: PublicKeys): Promise<SnapshotDocument> {
  return verified(text.trim(), { kind: 'snapshot', keys, schema: snapshotDocument });
}
