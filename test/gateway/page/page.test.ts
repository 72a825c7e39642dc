import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import type { RepositoryStatus } from '../../../base/status.ts';
import { pageApp } from '../../../gateway/page/app.ts';
import type { Catalog, CatalogSubscription } from '../../../gateway/page/catalog.ts';
import { statusDocumentOf, subscriptionDocument } from '../../support/contract-documents.ts';
import { type Tag, tagsOf, textOf } from '../../support/html-structure.ts';

const publicUrl = 'http://pop.example.com:8080';
const now = Date.parse('2026-11-23T13:15:00Z');
const [base] = subscriptionDocument().repositories as [RepositoryStatus];

const corp: CatalogSubscription = {
  name: 'corp',
  repositories: [
    { path: 'edge/base', keys: [1, 2], signed: true, available: true },
    { path: 'edge/c++ tools', keys: [], signed: true, available: true },
    { path: 'edge/c/tools', keys: [1], signed: false, available: true },
    { path: 'edge-c/tools', keys: [1], signed: false, available: false },
  ],
  keys: ['-----BEGIN PGP PUBLIC KEY BLOCK-----\none\n', '-----BEGIN PGP PUBLIC KEY BLOCK-----\ntwo\n'],
};

function catalogOf(changes: Partial<Catalog> = {}): Catalog {
  return {
    publicUrl,
    subscriptions: () => [corp],
    status: () => Promise.resolve(statusDocumentOf([subscriptionDocument()])),
    ...changes,
  };
}

function ask(path: string, changes: Partial<Catalog> = {}, method = 'GET'): Promise<Response> {
  const clock = { ...systemClock, now: () => now };
  return Promise.resolve(
    pageApp({ catalog: catalogOf(changes), clock, logger: silentLogger }).request(path, { method }),
  );
}

const pageOf = async (changes: Partial<Catalog> = {}): Promise<string> => (await ask('/', changes)).text();
const all = (tags: readonly Tag[], name: string): Tag[] => tags.filter((tag) => tag.name === name);

describe('the page', () => {
  test('is one well-formed document with a title, one h1 and headings in order', async () => {
    const tags = tagsOf(await pageOf());
    expect(tags.slice(0, 2).map(({ name }) => name)).toEqual(['html', 'head']);
    expect(tags[0]?.attributes['lang']).toBe('en');
    expect(all(tags, 'title')).toHaveLength(1);
    expect(all(tags, 'h1')).toHaveLength(1);
    expect(tags.map(({ name }) => name).filter((name) => /^h[1-6]$/.test(name))).toEqual(['h1', 'h2', 'h3', 'h2']);
  });

  test('shows each repository with state, age, packages and bytes, and how to use it', async () => {
    const text = textOf(await pageOf()).replaceAll(/\s+/g, ' ');
    expect(text).toContain('edge/base');
    expect(text).toContain('current 3 h ago');
    expect(text).toContain('3 of 7');
    expect(text).toContain('11.7 KiB of 4.9 MiB');
    expect(text).toContain('20261123T101500Z-1a2b3c4d');
    expect(text).toContain(`curl -fo /etc/yum.repos.d/corp.repo ${publicUrl}/repo-files/corp.repo`);
    expect(text).toContain(`baseurl=${publicUrl}/content/edge/base/`);
    expect(text).toMatch(/Cache ok/);
  });

  test('says which channel a subscription follows, what of it is served, and what is wrong', async () => {
    const { hub } = subscriptionDocument();
    const following = { id: null, name: 'lyon-1', channel: 'prod', certificateEnds: null, expires: null };
    const words = async (snapshot: string | null, problem: string | null): Promise<string> => {
      const changed = { hub: { ...hub, following: { ...following, snapshot: 'week-2', problem } }, snapshot };
      const status = () => Promise.resolve(statusDocumentOf([subscriptionDocument(changed)]));
      return textOf(await pageOf({ status }))
        .replaceAll(/\s+/g, ' ')
        .replaceAll(' ,', ',');
    };
    expect(await words('week-2', null)).toContain('channel prod, snapshot week-2 ');
    expect(await words('week-1', null)).toContain('channel prod, snapshot week-1, on the way to week-2');
    expect(await words(null, 'it was revoked')).toMatch(
      /channel prod, nothing of it yet, on the way to week-2.*it was revoked/,
    );
    expect(textOf(await pageOf())).not.toContain('channel');
  });

  test('says that a subscription is rolled back, since when, and what is newest', async () => {
    const rolledBack = { since: '2026-11-23T12:15:00Z', newest: '20261123T120000Z-ffffffff' };
    const status = (changes: object) => () =>
      Promise.resolve(statusDocumentOf([subscriptionDocument({ rolledBack, ...changes })]));
    const text = textOf(await pageOf({ status: status({}) })).replaceAll(/\s+/g, ' ');
    expect(text).toContain(
      'Rolled back to 20261123T101500Z-1a2b3c4d 1 h ago ; the newest is 20261123T120000Z-ffffffff',
    );
    const held = textOf(await pageOf({ status: status({ generation: rolledBack.newest }) }));
    expect(held.replaceAll(/\s+/g, ' ')).toContain('which is the newest');
    expect(textOf(await pageOf())).not.toContain('Rolled back');
  });

  test('names the address by date, for hosts that cannot follow a rollback', async () => {
    const text = textOf(await pageOf());
    expect(text).toContain(`${publicUrl}/generations/@2026-11-23T10:15:00Z/edge/base/`);
    expect(text).toContain('yum clean metadata');
  });

  test('links to listings, .repo files and keys, relative to itself', async () => {
    const links = all(tagsOf(await pageOf()), 'a').map(({ attributes }) => attributes['href']);
    expect(links).toEqual(['./', 'content/edge/base/', 'repo-files/corp.repo', 'keys/corp/1.asc', 'keys/corp/2.asc']);
  });

  test.each(['behind', 'pending', 'guarded', 'orphaned'] as const)('says why a repository is %s', async (state) => {
    const reason = `because it is ${state}`;
    const document = subscriptionDocument({ repositories: [{ ...base, state, reason }] });
    const text = textOf(await pageOf({ status: () => Promise.resolve(statusDocumentOf([document])) }));
    expect(text).toContain(reason);
  });

  test('holds before anything was published, and when nothing is subscribed', async () => {
    const fresh = subscriptionDocument({ generation: null, published: null, checked: null, repositories: [] });
    const text = textOf(await pageOf({ status: () => Promise.resolve(statusDocumentOf([fresh])) }));
    expect(text).toContain('no generation yet');
    expect(text).toContain('No repositories yet.');
    const none = await pageOf({ subscriptions: () => [], status: () => Promise.resolve(statusDocumentOf([])) });
    tagsOf(none);
    expect(textOf(none)).toContain('Nothing is subscribed yet');
  });

  const hostile = `"><script>alert(1)</script><img src=x onerror='x'>&amp;`;

  test('escapes whatever upstream or an operator named, wherever it stands', async () => {
    const document = subscriptionDocument({
      name: hostile,
      generation: hostile,
      policy: hostile,
      repositories: [{ ...base, path: hostile, state: 'behind', reason: hostile, since: hostile }],
    });
    const text = await pageOf({
      publicUrl: `http://pop/${hostile}`,
      status: () => Promise.resolve({ ...statusDocumentOf([document]), version: hostile }),
      subscriptions: () => [
        { name: hostile, keys: [hostile], repositories: [{ path: hostile, keys: [1], signed: true, available: true }] },
      ],
    });
    const tags = tagsOf(text);
    expect([...all(tags, 'script'), ...all(tags, 'img')]).toEqual([]);
    expect(textOf(text)).toContain(hostile);
    for (const { attributes } of tags)
      for (const name of Object.keys(attributes)) expect(name).not.toMatch(/^on|^style$|^src$/);
    const [link] = all(tags, 'a').filter(({ attributes }) => attributes['href']?.startsWith('content/'));
    expect(link?.attributes['href']).toMatch(/^content\/[A-Za-z0-9%._~/-]+\/$/);
  });

  test('allows itself its own style sheet and nothing else', async () => {
    const response = await ask('/');
    const policy = response.headers.get('content-security-policy') ?? '';
    const sheets = [...(await response.text()).matchAll(/<style>([^<]*)<\/style>/g)].map(([, text = '']) => text);
    expect(sheets).toHaveLength(1);
    const hash = createHash('sha256')
      .update(sheets[0] ?? '')
      .digest('base64');
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
  });
});

describe('a .repo file', () => {
  test('has a section for each repository, checked with the keys of this server', async () => {
    const response = await ask('/repo-files/corp.repo');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect((await response.text()).split('\n\n').map((section) => section.trim().split('\n'))).toEqual([
      [
        '[edge-base]',
        'name=edge/base',
        `baseurl=${publicUrl}/content/edge/base/`,
        'enabled=1',
        'gpgcheck=1',
        'repo_gpgcheck=1',
        `gpgkey=${publicUrl}/keys/corp/1.asc ${publicUrl}/keys/corp/2.asc`,
      ],
      // Signed, but nobody knows the key: a check could only fail.
      [
        '[edge-c---tools]',
        'name=edge/c++ tools',
        `baseurl=${publicUrl}/content/edge/c%2B%2B%20tools/`,
        'enabled=1',
        'gpgcheck=0',
        'repo_gpgcheck=0',
      ],
      // A key for packages, and metadata without a signature.
      expect.arrayContaining([
        '[edge-c-tools]',
        'gpgcheck=1',
        'repo_gpgcheck=0',
        `gpgkey=${publicUrl}/keys/corp/1.asc`,
      ]),
      // Pending or closed: dnf goes on without it.
      expect.arrayContaining(['[edge-c-tools-2]', 'name=edge-c/tools', 'skip_if_unavailable=1']),
    ]);
  });

  test('of a subscription without repositories is a comment', async () => {
    const response = await ask('/repo-files/new.repo', {
      subscriptions: () => [{ name: 'new', repositories: [], keys: [] }],
    });
    expect([response.status, await response.text()]).toEqual([200, '# no repositories yet\n']);
  });

  test.each([
    '/repo-files/nosuch.repo',
    '/repo-files/corp',
    '/repo-files/.repo',
    '/repo-files/',
    '/repo-files/corp.repo/',
  ])('%s is 404', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });
});

describe('a key', () => {
  test('is served by its number, from 1', async () => {
    const response = await ask('/keys/corp/2.asc');
    expect(response.headers.get('content-type')).toBe('application/pgp-keys');
    expect(await response.text()).toBe(corp.keys[1]);
  });

  test.each(['0.asc', '3.asc', '01.asc', '-1.asc', '1', '1.key', 'length.asc', '1e0.asc'])(
    '%s is 404',
    async (file) => {
      expect((await ask(`/keys/corp/${file}`)).status).toBe(404);
      expect((await ask(`/keys/nosuch/1.asc`)).status).toBe(404);
    },
  );
});

describe('every answer', () => {
  test.each(['/', '/repo-files/corp.repo', '/keys/corp/1.asc'])(
    '%s: HEAD has the headers of GET and no body',
    async (path) => {
      const [get, head] = [await ask(path), await ask(path, {}, 'HEAD')];
      expect([...head.headers]).toEqual([...get.headers]);
      const body = await get.arrayBuffer();
      expect(get.headers.get('content-length')).toBe(String(body.byteLength));
      expect(await head.text()).toBe('');
      expect(get.headers.get('cache-control')).toBe('no-cache');
      expect(get.headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405', async (method) => {
    for (const path of ['/', '/keys/corp/1.asc', '/nosuch']) {
      const response = await ask(path, {}, method);
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });

  test.each(['/favicon.ico', '/api/v1/status', '/metrics', '/keys', '//', '/index.html'])('%s is 404', async (path) => {
    const response = await ask(path);
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });

  test('a failure inside is logged and not told', async () => {
    const logged: object[] = [];
    const failure = new Error('/secret/place is broken');
    const app = pageApp({
      catalog: catalogOf({ status: () => Promise.reject(failure) }),
      clock: systemClock,
      logger: { ...silentLogger, error: (fields) => void logged.push(fields) },
    });
    const response = await app.request('/');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(logged).toEqual([{ err: failure, path: '/' }]);
  });
});
