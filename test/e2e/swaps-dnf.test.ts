import { expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

/** Real dnf runs, each with fresh caches; `WAYSTATION_SWAPS=long` for more, and for unhashed names. */
const long = process.env['WAYSTATION_SWAPS'] === 'long';

describeWith([...dnfTools], 'the real dnf while generations are swapped', () => {
  test.each([
    { names: 'hashed', simpleNames: false, runs: long ? 300 : 30, allowed: 0 },
    ...(long ? [{ names: 'unhashed', simpleNames: true, runs: 600, allowed: 6 }] : []),
  ])(
    '$names names: lists one version whole, whichever',
    { timeout: 900_000 },
    async ({ simpleNames, runs, allowed }) => {
      await using directory = await temporaryDirectory();
      await using origin = await FaultyOrigin.start();
      let version = 0;
      /** Both packages of a version carry its number: a mixture would show. */
      const publish = (): void => {
        version += 1;
        putRepository(origin, 'r', {
          packages: { [`a-${version}.rpm`]: `a ${version}`, [`b-${version}.rpm`]: `b ${version}` },
          simpleNames,
        });
      };
      publish();
      const repositories = [{ path: 'r', url: `${origin.url}r/` }];
      await using pop = await Pop.start({ repositories, refresh: '1s' });
      await pop.published();
      const swapping = setInterval(publish, 1_000);
      const seen = new Set<string>();
      let failed = 0;
      try {
        for (let run = 0; run < runs; run += 1) {
          const dnf = await freshDnf(directory.path, [{ id: 'r', baseurl: `${pop.content}/content/r/` }]);
          const listed = await dnf.repoquery('--queryformat=%{location}');
          if (listed.code !== 0) {
            failed += 1;
            continue;
          }
          const versions = new Set([...listed.stdout.matchAll(/[ab]-(\d+)\.rpm/g)].map(([, number]) => number));
          expect([...versions]).toHaveLength(1);
          seen.add([...versions].join());
        }
      } finally {
        clearInterval(swapping);
      }
      expect(failed).toBeLessThanOrEqual(allowed);
      expect(seen.size).toBeGreaterThan(1);
    },
  );
});
