import { expect, test } from 'vitest';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

test('a query is part of no key, and reaches neither the upstream, nor an answer, nor the log', async () => {
  await using origin = await FaultyOrigin.start();
  putRepository(origin, 'r', { packages: { 'a.rpm': 'a' } });
  await using pop = await Pop.start({ repositories: [{ path: 'r', url: `${origin.url}r/` }] });
  await pop.published();
  const words = [];
  for (const query of ['?token=s3cret', '?token=s3cret2', '', '?']) {
    const { status, word, body } = await download(pop.content, `/content/r/a.rpm${query}`);
    expect([status, body.toString()]).toEqual([200, 'a']);
    words.push(word);
  }
  expect(words).toEqual(['miss', 'hit', 'hit', 'hit']);
  const absent = await download(pop.content, '/content/r/no-such.rpm?token=s3cret');
  expect([absent.status, absent.body.toString().includes('s3cret')]).toEqual([404, false]);
  const asked = origin.requests.filter(({ path }) => path.startsWith('/r/a.rpm'));
  expect(asked.map(({ path }) => path)).toEqual(['/r/a.rpm']);
  await pop.stop();
  expect(pop.output).toContain('/content/r/no-such.rpm');
  expect(pop.output).not.toContain('s3cret');
});
