import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeRequestPath } from '../../../http/request-path.ts';
import { type ListingEntry, listingPage } from '../../../gateway/page/listing.ts';
import { tagsOf, textOf } from '../../support/html-structure.ts';

const file = (name: string, size: number | null = 1): ListingEntry => ({ name, kind: 'file', size });
const directory = (name: string): ListingEntry => ({ name, kind: 'directory', size: null });

async function listed(entries: readonly ListingEntry[], path = '/content/edge/base/', top = '/content/edge/base/') {
  const { body, headers } = await listingPage({ path, top, entries, generation: '20261123T101500Z-1a2b3c4d' });
  const links = tagsOf(body)
    .filter(({ name }) => name === 'a')
    .map(({ attributes }) => attributes['href'] ?? '');
  return { body, headers, links, text: textOf(body) };
}

describe('a listing', () => {
  test('names its files with their sizes, directories first, in one order', async () => {
    const { links, text } = await listed([
      file('b.rpm', 2048),
      directory('repodata'),
      file('a.rpm'),
      directory('Packages'),
    ]);
    expect(links).toEqual(['../../../', './Packages/', './repodata/', './a.rpm', './b.rpm']);
    expect(text.replaceAll(/\s+/g, ' ')).toContain('b.rpm 2 KiB');
    expect(text).toContain('20261123T101500Z-1a2b3c4d');
  });

  test('leads up to the top of its repository and no further', async () => {
    const path = '/content/edge/base/Packages/a/';
    const { links } = await listed([], path);
    const targets = links.map((link) => new URL(link, `http://pop${path}`).pathname);
    expect(targets).toEqual([
      '/',
      '/content/edge/base/',
      '/content/edge/base/Packages/',
      '/content/edge/base/Packages/',
    ]);
    expect((await listed([])).links).toEqual(['../../../']);
  });

  test('says so when it is empty', async () => {
    expect((await listed([])).text).toContain('Nothing is listed here.');
  });

  test('is a page like the others: HTML, no script, asked for anew', async () => {
    const { headers } = await listed([]);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['cache-control']).toBe('no-cache');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });

  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 40 })
    .map((text) => text.toWellFormed().replaceAll(/[\p{Cc}/\\]/gu, '_'))
    .filter((text) => text !== '.' && text !== '..');

  test('whatever its files are called, is well-formed and links to exactly them', async () => {
    await fc.assert(
      fc.asyncProperty(name, async (hostile) => {
        const path = '/content/a b/+/';
        const { links, text } = await listed([file(hostile)], path, path);
        const url = new URL(links.at(-1) ?? '', 'http://pop/content/a%20b/+/');
        expect(url.origin).toBe('http://pop');
        expect(decodeRequestPath(url.pathname)).toMatchObject({ path: path + hostile });
        expect(text).toContain(hostile);
      }),
    );
  });

  test.each(['<script>alert(1)</script>', '"onload="x', 'http:x', '//evil.example', '?q#f', '%2e%2e', 'a&amp;b'])(
    'a file called %j stays a name',
    async (hostile) => {
      const plain = hostile.replaceAll('/', '_');
      const { links, text } = await listed([file(plain)]);
      expect(text).toContain(plain);
      expect(links.at(-1)).toMatch(/^\.\/[A-Za-z0-9%._~-]+$/);
    },
  );
});
