import type { Guard } from '../../base/generation.ts';
import type { Logger } from '../../base/log.ts';
import type { PulpApi } from './api.ts';
import { newestCheckpoint } from './checkpoints.ts';
import type { Distribution } from './distribution.ts';
import type { GuardNames } from './guards.ts';

/** What one distribution means for a PoP: plain data, which can be remembered. */
export interface Carried {
  readonly id: string;
  readonly name: string;
  /** As the hub has it, without the subscription's prefix. */
  readonly basePath: string;
  /** Where its repodata folder or its manifest is; ends with a slash. */
  readonly url: string;
  readonly guard: Guard | null;
  /** Plain files; absent: packages. */
  readonly content?: 'file';
  /** Why nothing can be read there now, for people; null: it can. */
  readonly nothing: string | null;
}

export interface CarriedParts {
  readonly api: PulpApi;
  readonly guards: GuardNames;
  readonly log: Logger;
}

/**
 * Works out what each distribution serves and to whom.
 * @throws WaystationError when the hub fails meanwhile.
 */
export async function carriedFrom(
  distributions: readonly Distribution[],
  { api, guards, log }: CarriedParts,
  signal: AbortSignal,
): Promise<readonly Carried[]> {
  await guards.learn(new Set(distributions.flatMap(({ guard }) => guard ?? [])), signal);
  const carried: Carried[] = [];
  for (const distribution of distributions) {
    if (!isServable(distribution.basePath)) {
      log.warn({ distribution: distribution.name }, 'a distribution is left out: its base path cannot be served');
      continue;
    }
    const { id, name, basePath, guard, content } = distribution;
    const place = await placeOf(distribution, api, signal);
    const known = { id, name, basePath, guard: guard === null ? null : guards.guard(guard), ...place };
    carried.push(content === 'file' ? { ...known, content } : known);
  }
  return carried;
}

type Place = Pick<Carried, 'url' | 'nothing'>;

async function placeOf(distribution: Distribution, api: PulpApi, signal: AbortSignal): Promise<Place> {
  const { name, url, serves, content, checkpoint, repository } = distribution;
  if (!serves) {
    return { url, nothing: `distribution ${name} serves nothing: it has no repository, version or publication` };
  }
  if (!checkpoint) return { url, nothing: null };
  const folder = repository === null ? null : await newestCheckpoint(api, { repository, content }, signal);
  return folder === null
    ? { url, nothing: `checkpoint distribution ${name} has no checkpoint yet` }
    : { url: url + folder, nothing: null };
}

/** A path of ours too: Pulp refuses most others itself. */
function isServable(path: string): boolean {
  return path.split('/').every((part) => part !== '' && part !== '.' && part !== '..') && !/[\p{Cc}\\?#%]/u.test(path);
}
