import type { Finding } from './problem.ts';
import type { Tree } from './tree.ts';
import { isMap, select } from './tree.ts';

/** What has to hold between the keys of an entry of `limits`. */
export function limitFindings(root: Tree): Finding[] {
  return select(root, ['limits', '*']).flatMap(({ path, value }): Finding[] => {
    if (!isMap(value)) return [];
    const { rate, background, during } = value;
    if (rate === undefined && background === undefined) {
      const message = 'is missing: it must be a rate such as 20MiB/s, and more than 0, unless background is off';
      return [{ path: [...path, 'rate'], seen: path, message }];
    }
    if (background !== 'off' || during !== undefined) return [];
    const message = 'needs during beside it: without times nothing would ever be fetched ahead (see policy)';
    return [{ path: [...path, 'background'], on: 'key', message }];
  });
}
