import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

test('a PoP that lost its maps, its index and current.json serves all that it held, without its upstream', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
  await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
  await pop.published();
  await download(pop.content, '/content/r/a.rpm');
  await pop.held('/content/r/a.rpm');
  await pop.kill();
  await origin.stop();
  await rm(join(pop.state, 'maps'), { recursive: true });
  await rm(join(pop.state, 'index'), { recursive: true });
  await writeFile(join(pop.state, 'index'), 'no database');
  await writeFile(join(pop.state, 'current.json'), '');
  await pop.launch();
  await pop.logged(() => pop.lines.some(({ msg }) => /package map was lost or damaged, and made/.test(String(msg))));
  for (const file of ['repodata/repomd.xml', 'a.rpm'])
    expect(await download(pop.content, `/content/r/${file}`)).toMatchObject({ status: 200 });
  expect(await download(pop.content, '/content/r/nothing.rpm')).toMatchObject({ status: 404 });
  const metrics = await pop.metrics();
  expect(metrics.get('index_rebuilt_total')).toBe(1);
  expect(metrics.get('index_in_memory')).toBe(0);
  expect(await pop.stop()).toMatchObject({ code: 0 });
});

test('`state upgrade` is told to stop the service while it runs, and finds nothing to do afterwards', async () => {
  await using pop = await Pop.start({ repositories: [] });
  const running = await pop.run('state', 'upgrade');
  expect(running.code).toBe(75);
  expect(running.stderr).toContain('stop the service');
  await pop.stop();
  expect(await pop.run('state', 'upgrade')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing to do'),
  });
});
