import { digestOf } from '../base/digest.ts';
import { asWaystationError, WaystationError } from '../base/errors.ts';
import type { Supplier } from '../base/transfer.ts';
import { verifyDetached } from '../yum/signature.ts';
import { readWhole } from '../origin/read-whole.ts';

export const ascHref = 'repodata/repomd.xml.asc';
export const keyHref = 'repodata/repomd.xml.key';

const limit = 1024 * 1024;

/** What a repository's metadata must be signed with. */
export interface Trust {
  /** Public keys as their files hold them, one must have made the signature. */
  readonly keys: readonly Buffer[];
}

/** The files beside repomd.xml that make one unit with it; null: the upstream has none. */
export interface SignatureFiles {
  readonly asc: Buffer | null;
  readonly key: Buffer | null;
}

export async function fetchSignatureFiles(
  supplier: Supplier,
  before: { readonly asc: boolean; readonly key: boolean },
  signal: AbortSignal,
): Promise<SignatureFiles> {
  const [asc, key] = await Promise.all([
    fetchOptional(supplier, ascHref, before.asc, signal),
    fetchOptional(supplier, keyHref, before.key, signal),
  ]);
  return { asc, key };
}

/**
 * @returns null when the upstream has no such file. Object stores answer 403 for what is not there, so that counts as
 * absent too, unless the file was there `before`.
 */
async function fetchOptional(
  supplier: Supplier,
  href: string,
  before: boolean,
  signal: AbortSignal,
): Promise<Buffer | null> {
  try {
    const answer = await supplier.get(href, null, signal);
    return answer.kind === 'found' ? await readWhole(answer.transfer, limit) : null;
  } catch (thrown) {
    if (!(thrown instanceof WaystationError)) throw thrown;
    if (thrown.code === 'upstream_missing') return null;
    if (thrown.code === 'upstream_unauthorized' && !before) return null;
    throw new WaystationError(thrown.code, `${href}: ${thrown.message}`, {
      cause: thrown,
      retryAfter: thrown.retryAfter,
    });
  }
}

/** A good signature is verified anew after this time: its key may have expired since. Milliseconds. */
const goodFor = 60 * 60_000;

export interface SignedUnit {
  /** Of the repository. */
  readonly path: string;
  readonly repomd: Buffer;
  readonly asc: Buffer | null;
  readonly trust: Trust;
  /** Wall clock, milliseconds. */
  readonly now: number;
}

/** Verifies signatures; a unit that stays the same only once in a while. */
export class SignatureCheck {
  /** The last unit of each path that was found good. */
  readonly #good = new Map<string, { readonly unit: string; readonly at: number }>();

  /** @throws WaystationError `signature_missing`, `signature_invalid`, `key_unusable`. */
  async verify({ path, repomd, asc, trust, now }: SignedUnit): Promise<void> {
    if (asc === null) {
      throw new WaystationError('signature_missing', `the upstream has no ${ascHref}, and repoGpgCheck asks for one`);
    }
    const unit = [repomd, asc, ...trust.keys].map((bytes) => digestOf(bytes)).join(' ');
    const last = this.#good.get(path);
    if (last?.unit === unit && Math.abs(now - last.at) < goodFor) return;
    try {
      await verifyDetached({ bytes: repomd, signature: asc, keys: trust.keys, now });
    } catch (thrown) {
      const { code, message } = asWaystationError(thrown);
      throw new WaystationError(code, `${ascHref}: ${message}`, { cause: thrown });
    }
    this.#good.set(path, { unit, at: now });
  }
}
