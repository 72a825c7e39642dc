import { expect, test } from 'vitest';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

test("a hub's config.repo is answered with this server's own URL, never with the hub's", async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
  origin.put('r/config.repo', Buffer.from(`[r]\nbaseurl=${origin.url}r/\n`));
  await using pop = await Pop.start({ repositories: [{ path: 'edge/r', url: `${origin.url}r/` }] });
  await pop.published();
  const answer = await download(pop.content, '/content/edge/r/config.repo');
  expect([answer.status, answer.word]).toEqual([200, 'local']);
  const text = answer.body.toString();
  expect(text).toContain('[edge-r]');
  expect(text).toMatch(/^baseurl=http:\/\/127\.0\.0\.1:\d+\/content\/edge\/r\/$/m);
  expect(text).not.toContain(origin.url);
  expect(origin.requests.some(({ path }) => path.endsWith('config.repo'))).toBe(false);
});
