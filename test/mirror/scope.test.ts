import { expect, test } from 'vitest';
import { servedPath } from '../../mirror/discovery.ts';
import { anonymous, scopeOf } from '../../mirror/scope.ts';
import type { ScopeSource } from '../../mirror/scope.ts';
import { YumHub } from '../../mirror/yum-hub.ts';
import { upstream } from '../support/upstream.ts';

const corp: ScopeSource = {
  hubType: 'pulp',
  url: 'https://pulp.example.com/a/',
  domain: 'default',
  identity: { username: 'pop', headers: ['X-Entitlement'], certificate: 'pop.pem' },
};

test('bytes had without credentials are of the scope open, whatever the hub', () => {
  expect(scopeOf({ ...corp, identity: anonymous })).toBe('open');
});

test('a scope is short, fit for a directory name, and the same after a restart', () => {
  expect(scopeOf(corp)).toBe('pulp-3c3bea5001db10d9');
});

test('another path at the hub, and another spelling or order of header names, is the same scope', () => {
  const identity = { ...corp.identity, headers: ['a', 'B'] };
  const spelled = { ...corp.identity, headers: ['b', 'A', 'a'] };
  expect(scopeOf({ ...corp, identity: spelled, url: 'https://pulp.example.com:443/b/' })).toBe(
    scopeOf({ ...corp, identity }),
  );
});

test('another hub, domain, user, header or certificate is another scope', () => {
  const others: ScopeSource[] = [
    corp,
    { ...corp, hubType: 'yum' },
    { ...corp, url: 'https://other.example.com/' },
    { ...corp, url: 'http://pulp.example.com/' },
    { ...corp, domain: 'second' },
    { ...corp, domain: null },
    { ...corp, identity: { ...corp.identity, username: 'other' } },
    { ...corp, identity: { ...corp.identity, username: null } },
    { ...corp, identity: { ...corp.identity, headers: [] } },
    { ...corp, identity: { ...corp.identity, certificate: 'other.pem' } },
  ];
  expect(new Set(others.map(scopeOf)).size).toBe(others.length);
});

test('a prefix goes before a path without doubling slashes', () => {
  expect(servedPath('site/a', 'edge/base')).toBe('site/a/edge/base');
  expect(servedPath('', 'edge/base')).toBe('edge/base');
  expect(servedPath('/site/', '/edge/')).toBe('site/edge');
});

test('a plain repository with credentials of any kind is guarded, and its guard names no value', async () => {
  const identities = [
    { ...anonymous, username: 'u' },
    { ...anonymous, headers: ['X-Key'] },
    { ...anonymous, certificate: 'c.pem' },
  ];
  for (const identity of identities) {
    const url = 'https://a.example/tools/';
    const [repository] = new YumHub([{ path: 'p', url, identity, supplier: upstream([url]) }]).remembered();
    expect(repository?.guard?.kind).toBe('credentials');
    expect(repository?.scope).toMatch(/^yum-[0-9a-f]{16}$/);
  }
});

test('a password inside the URL is a credential, and shows up neither in guard nor scope', () => {
  const url = 'https://me:hunter2@a.example/tools/';
  const [repository] = new YumHub([{ path: 'p', url, identity: anonymous, supplier: upstream([url]) }]).remembered();
  expect(repository?.guard).toEqual({ kind: 'credentials', name: 'user me' });
  expect(repository?.scope).toBe(
    scopeOf({ hubType: 'yum', url: 'https://a.example', domain: null, identity: { ...anonymous, username: 'me' } }),
  );
});

test('a plain repository without credentials is open to everybody', async () => {
  const url = 'https://a.example/tools/';
  const hub = new YumHub([{ path: 'p', url, identity: anonymous, supplier: upstream([url]) }]);
  expect((await hub.discover()).repositories[0]).toMatchObject({ path: 'p', guard: null, scope: 'open' });
});
