import type { Demand } from '../cache/demand/demand.ts';
import type { ServedBefore } from '../mirror/packages.ts';
import { packageFile } from '../yum/package-file.ts';

/** Packages under names that clients were given come before others in a sync. */
export function servedBefore(demand: Pick<Demand, 'names'>): ServedBefore {
  return async (path) => {
    const names = new Set((await demand.names(path)).map(({ name }) => name));
    return (href) => {
      const file = names.size === 0 ? null : packageFile(href);
      return file !== null && names.has(file.nameArch);
    };
  };
}
