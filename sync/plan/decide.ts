import type { Digest } from '../../base/digest.ts';
import { nothingDenied } from '../../mirror/packages.ts';
import { FileSet } from '../../runs/file-set.ts';
import type { Stored } from './stored.ts';

/** A file as a repository lists it. */
export interface PlanFile {
  /** The possession scope that it is held in. */
  readonly scope: string;
  /** `size` null: what lists it does not say. */
  readonly listed: { readonly digest: Digest; readonly size: number | null };
}

/** What a repository lists: packages, metadata, whatever else has a size and a digest. Each is gone through once or twice. */
export interface ListedRepository {
  readonly path: string;
  /** What its policy wants held. */
  readonly wanted: () => AsyncIterable<PlanFile>;
  /** What it lists besides, to be fetched when somebody asks; wanted files may be among them. */
  readonly others: () => AsyncIterable<PlanFile>;
  /** What is served of it now. */
  readonly before: () => AsyncIterable<PlanFile>;
}

/**
 * `fetch`: wanted and not held. `keep`: held, and listed by what is to be served. `leave`: neither held nor wanted.
 * `deny`: not held, and not to be had here, wanted or not, because the hub wants it not to be served.
 * `retire`: held, served now, and listed by nothing that is to be served: it goes once what is served now is not kept any more.
 */
export type Verdict = 'fetch' | 'keep' | 'leave' | 'deny' | 'retire';

export interface Decision extends PlanFile {
  readonly path: string;
  /** With the size that what is stored tells, where what lists it does not. */
  readonly listed: PlanFile['listed'];
  readonly verdict: Verdict;
  /** It is among what the policies want. */
  readonly wanted: boolean;
  /**
   * `keep`: what is served of this repository does not list it, so it came through another repository, generation or hub.
   * `fetch`: its bytes are stored, but this scope has not proven that it possesses them.
   */
  readonly elsewhere: boolean;
}

/**
 * wanted × stored × denied → fetch, keep, leave, deny, retire. Pure: asks nobody and changes nothing; `stored` must not change meanwhile.
 * Each file is decided once for each scope, in the first repository that has it: what is wanted anywhere before all else.
 * Memory: some 40 bytes a file, so that two million packages take less than 100 MB.
 */
export async function* decide(
  repositories: readonly ListedRepository[],
  stored: Pick<Stored, 'holds' | 'storedElsewhere' | 'sizeOf'>,
  denied = nothingDenied,
): AsyncGenerator<Decision> {
  const sized = ({ digest, size }: PlanFile['listed']): PlanFile['listed'] => ({
    digest,
    size: size ?? stored.sizeOf(digest),
  });
  const before = new FileSet();
  for (const repository of repositories) {
    for await (const { scope, listed } of repository.before()) before.add(scope, listed.digest);
  }
  const seen = new FileSet();
  for (const wanted of [true, false]) {
    for (const { path, ...lists } of repositories) {
      for await (const { scope, listed } of wanted ? lists.wanted() : lists.others()) {
        if (!seen.add(scope, listed.digest)) continue;
        const held = stored.holds(scope, listed.digest);
        const verdict = held ? 'keep' : denied(listed.digest) ? 'deny' : wanted ? 'fetch' : 'leave';
        const elsewhere = held ? !before.has(scope, listed.digest) : stored.storedElsewhere(listed.digest);
        yield { path, scope, listed: sized(listed), verdict, wanted, elsewhere };
      }
    }
  }
  for (const repository of repositories) {
    for await (const { scope, listed } of repository.before()) {
      if (!seen.add(scope, listed.digest) || !stored.holds(scope, listed.digest)) continue;
      const of = { path: repository.path, scope, listed: sized(listed) };
      yield { ...of, verdict: 'retire', wanted: false, elsewhere: false };
    }
  }
}
