import { algorithmOf, digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { WaystationError } from '../base/errors.ts';
import type { Validators } from '../base/transfer.ts';
import type { RepositorySupplier } from './discovery.ts';
import { readWhole } from '../origin/read-whole.ts';

export const repomdHref = 'repodata/repomd.xml';

/** Larger ones are not repositories. Bytes. */
const limit = 16 * 1024 * 1024;
/** Sources that may show a repomd.xml other than the metalink's before the repository is given up. */
const metalinkTries = 5;
/**
 * A file younger than this may change again without its Last-Modified or an ETag made from that showing it
 * (RFC 9110 §8.8.2.2: one second, and the clocks of two machines). Milliseconds.
 */
const settled = 60_000;

export type RepomdAnswer =
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'found'; readonly bytes: Buffer; readonly validators: Validators | null };

export interface RepomdQuestion {
  readonly supplier: RepositorySupplier;
  /** Of the last time; null to have the bytes in any case. */
  readonly validators: Validators | null;
  /** Wall clock, milliseconds. */
  readonly now: number;
  readonly signal: AbortSignal;
}

/**
 * Asks for repomd.xml. With a metalink it has to be one of those that the metalink accepts, and sources that show
 * another one are passed over.
 * @throws WaystationError `upstream_lied` when no source showed an acceptable one; what the supplier throws.
 */
export async function fetchRepomd(question: RepomdQuestion): Promise<RepomdAnswer> {
  const accepted = await question.supplier.acceptableRepomd(question.signal);
  return accepted === null ? askConditionally(question) : fetchAccepted(question, accepted);
}

async function askConditionally({ supplier, validators, now, signal }: RepomdQuestion): Promise<RepomdAnswer> {
  const answer = await supplier.get(repomdHref, validators, signal);
  if (answer.kind === 'not-modified') return answer;
  const { etag, lastModified } = answer.transfer;
  const bytes = await readWhole(answer.transfer, limit);
  return { kind: 'found', bytes, validators: usableValidators({ etag, lastModified }, now) };
}

async function fetchAccepted({ supplier, signal }: RepomdQuestion, accepted: readonly Digest[]): Promise<RepomdAnswer> {
  const loader = supplier.loader(repomdHref);
  for (let tries = 1; ; tries++) {
    const transfer = await loader.open(0, signal);
    const bytes = await readWhole(transfer, limit);
    if (accepted.some((digest) => digestOf(bytes, algorithmOf(digest)) === digest)) {
      return { kind: 'found', bytes, validators: null };
    }
    loader.lied(transfer);
    if (tries === metalinkTries) {
      throw new WaystationError('upstream_lied', `${transfer.source} is none of the files that the metalink accepts`);
    }
  }
}

/** Validators that will tell a change; null when the file is too young for that, or has none. */
export function usableValidators(validators: Validators, now: number): Validators | null {
  const { etag, lastModified } = validators;
  if (etag === null && lastModified === null) return null;
  const modified = lastModified === null ? NaN : Date.parse(lastModified);
  return modified > now - settled ? null : validators;
}
