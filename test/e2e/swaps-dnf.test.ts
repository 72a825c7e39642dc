import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../support/dnf.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith } from '../support/tools.ts';

/** Real dnf runs, each with fresh caches; `WAYSTATION_SWAPS=long` for more, and for unhashed names. */
const long = process.env['WAYSTATION_SWAPS'] === 'long';

/** A server between dnf and the PoP: calls `before` with each path and waits for it, then asks the PoP. */
async function between(pop: Pop, before: (path: string) => Promise<void>): Promise<{ url: string; close: () => void }> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    before(path)
      .then(() => download(pop.content, path))
      .then(({ status, body }) => response.writeHead(status, { 'content-length': body.length }).end(body))
      .catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() };
}

describeWith([...dnfTools], 'the real dnf while generations are swapped', () => {
  test('one that read repomd.xml before a switch finishes with what it names', async () => {
    await using directory = await temporaryDirectory();
    await using origin = await FaultyOrigin.start();
    putRepository(origin, 'r', { packages: { 'old.rpm': 'old' } });
    await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
    await pop.published();
    let switched = false;
    const { url, close } = await between(pop, async (path) => {
      if (switched || path.endsWith('repomd.xml')) return;
      switched = true;
      putRepository(origin, 'r', { packages: { 'new.rpm': 'new' } });
      expect((await pop.run('sync', '--wait')).code).toBe(0);
    });
    try {
      const dnf = await freshDnf(directory.path, [{ id: 'r', baseurl: `${url}/content/r/` }]);
      const listed = await dnf.repoquery('--queryformat=%{location}');
      expect([listed.code, listed.stdout.trim(), switched]).toEqual([0, 'old.rpm', true]);
    } finally {
      close();
    }
    const next = await freshDnf(directory.path, [{ id: 'r', baseurl: `${pop.content}/content/r/` }]);
    expect((await next.repoquery('--queryformat=%{location}')).stdout.trim()).toBe('new.rpm');
  });

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
