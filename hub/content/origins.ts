import { z } from 'zod';
import { possessionScope } from '../../base/generation.ts';
import { parseDigest } from '../../base/digest.ts';
import type { Digest, Listed } from '../../base/digest.ts';
import { signed, verified } from '../../protocol/signed.ts';
import type { SnapshotDocument } from '../../protocol/snapshot.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { keysOf } from '../store/layout.ts';
import type { ObjectStore } from '../store/object-store.ts';

const digest = z.custom<Digest>((value) => typeof value === 'string' && parseDigest(value) === value);

/** Where one repository of a snapshot comes from. */
const origin = z.object({
  /** Possession scope in which its bytes were brought. */
  scope: z.string(),
  /** The path under which its source has it: a composed snapshot may have it at another one. */
  path: z.string(),
  /** Place in `sources`; null: nobody has to be asked, the store has all of it. */
  source: z.int().min(0).nullable(),
});

/** An upstream, as the file with the sources named it: secrets by the names of their files alone. */
export const originSource = z.object({ directory: z.string(), entry: z.record(z.string(), z.json()) });

const originsDocument = z.object({
  format: z.literal(1),
  snapshot: z.string(),
  content: digest,
  sources: z.array(originSource),
  repositories: z.record(z.string(), origin),
});

export type Origin = z.output<typeof origin>;
/** What is remembered of an upstream; the configuration's own words, which nothing of the hub reads. */
export type OriginSource = Readonly<z.output<typeof originSource>>;
export type OriginsDocument = z.output<typeof originsDocument>;

/** Documents with that: beside each snapshot, for processes of the hub alone, written before the snapshot itself. */
export class OriginDocuments {
  readonly #store: ObjectStore;
  readonly #keys: Pick<SigningKeys, 'signer' | 'published'>;

  constructor(store: ObjectStore, keys: Pick<SigningKeys, 'signer' | 'published'>) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Of a snapshot that was made before there were any: all in the scope `open`, from nowhere. @throws WaystationError `untrusted` */
  async of(snapshot: Pick<SnapshotDocument, 'name' | 'content' | 'repositories'>): Promise<OriginsDocument> {
    const { name, content } = snapshot;
    const object = await this.#store.get(keysOf.origins(name, content));
    if (object !== null)
      return verified(object.bytes.toString(), {
        kind: 'origins',
        keys: this.#keys.published,
        schema: originsDocument,
      });
    const repositories = Object.keys(snapshot.repositories).map((path): [string, Origin] => [
      path,
      { scope: 'open', path, source: null },
    ]);
    return { format: 1, snapshot: name, content, sources: [], repositories: Object.fromEntries(repositories) };
  }

  /** Named by the content as well: another snapshot of the name, which is refused later, changes nothing of this one. */
  async write(document: OriginsDocument): Promise<void> {
    const text = await signed('origins', document, this.#keys.signer);
    await this.#store.put(keysOf.origins(document.snapshot, document.content), Buffer.from(text));
  }
}

/** The scope in which a file of a repository is held. */
export function scopeOfFile({ scope, path }: Pick<Origin, 'scope' | 'path'>, file: Pick<Listed, 'digest'>): string {
  return possessionScope(scope, path, file);
}
