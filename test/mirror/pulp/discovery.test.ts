import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { CertificateAuthority } from '../../support/faulty-origin-certificates.ts';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { MemoryNotes, openHub } from './open-hub.ts';

const signal = AbortSignal.timeout(60_000);
const user = { username: 'pop', password: async (): Promise<string> => 'right' };
const guardHref = '/pulp/default/api/v3/contentguards/core/header/0199/';
const rbacHref = '/pulp/default/api/v3/contentguards/core/rbac/0200/';

test('every distribution of two thousand is found, over pages that overlap', async () => {
  await using pulp = await SimulatedPulp.start();
  const paths = Array.from({ length: 2000 }, (_, index) => `many/${index}`);
  pulp.carry(paths);
  const hub = await openHub({ url: pulp.origin, ...user });
  const { repositories } = await hub.discover(signal);
  expect(repositories.map(({ path }) => path)).toEqual(paths);
  expect(pulp.seen.filter(({ path }) => path.endsWith('/distributions/rpm/rpm/'))).toHaveLength(5);
  await hub.close();
});

test('a row that is deleted while the pages are read hides no other', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(Array.from({ length: 1200 }, (_, index) => `many/${index}`));
  let pages = 0;
  pulp.intercept = (_request, _response, url) => {
    // Between the first page and the second one goes and another comes: the count stays what it was.
    if (url.pathname.endsWith('/distributions/rpm/rpm/') && ++pages === 2) {
      pulp.distributions.splice(5, 1);
      pulp.carry(['many/new']);
    }
    return false;
  };
  const hub = await openHub({ url: pulp.origin, ...user });
  const found = new Set((await hub.discover(signal)).repositories.map(({ path }) => path));
  expect(found).toEqual(new Set(pulp.distributions.map(({ base_path: path }) => path)));
  expect(found.has('many/500')).toBe(true);
  await hub.close();
});

test('a list that never holds still is no list', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(Array.from({ length: 1200 }, (_, index) => `many/${index}`));
  pulp.intercept = (_request, _response, url) => {
    if (url.pathname.endsWith('/distributions/rpm/rpm/')) pulp.distributions.shift();
    return false;
  };
  const hub = await openHub({ url: pulp.origin, ...user });
  await expect(hub.discover(signal)).rejects.toMatchObject({ code: 'upstream_lied' });
  await hub.close();
});

test('a label or a full expression is handed to the hub as it is', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base'], { pulp_labels: { pop: 'edge' } });
  pulp.carry(['other']);
  const byLabel = await openHub({ url: pulp.origin, ...user, select: 'pop=edge', prefix: 'site/a' });
  expect((await byLabel.discover(signal)).repositories.map(({ path }) => path)).toEqual(['site/a/edge/base']);
  const expression = 'pulp_label_select="pop=edge" AND NOT name=x';
  const byExpression = await openHub({ url: pulp.origin, ...user, select: `q:${expression}` });
  await byExpression.discover(signal);
  expect(pulp.seen.at(-1)?.query.get('q')).toBe(expression);
  await Promise.all([byLabel.close(), byExpression.close()]);
});

test('one login serves many polls, and a poll without news is a small request for each kind of distribution', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  const hub = await openHub({ url: pulp.origin, ...user });
  const first = await hub.discover(signal);
  pulp.seen.length = 0;
  const second = await hub.discover(signal);
  expect(pulp.seen).toHaveLength(2);
  expect(pulp.seen[0]?.headers).toMatchObject({ cookie: 'sessionid=1' });
  expect(pulp.seen[0]?.headers.authorization).toBeUndefined();
  expect(pulp.seen[0]?.query.get('fields')).toContain('base_path');
  expect(second).toEqual(first);
  expect(second.repositories[0]?.supplier).toBe(first.repositories[0]?.supplier);
  await hub.close();
});

test('content is shown what its guard looks at and no more, and nothing when everybody may have it', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  pulp.carry(['edge/guarded'], { content_guard: guardHref });
  pulp.carry(['edge/rbac'], { content_guard: rbacHref });
  pulp.guards = [{ pulp_href: guardHref, name: 'edge-header' }];
  const headers = { 'X-Pop-Entitlement': async (): Promise<string> => 'let-me-in' };
  const hub = await openHub({ url: pulp.origin, ...user, headers });
  const { repositories } = await hub.discover(signal);
  expect(repositories.map(({ guard }) => guard)).toEqual([
    null,
    { kind: 'header', name: 'edge-header' },
    { kind: 'rbac', name: '0200' },
  ]);
  const [open, guarded, rbac] = repositories.map(({ scope }) => scope);
  expect(open).toBe('open');
  for (const scope of [guarded, rbac]) expect(scope).toMatch(/^pulp-[0-9a-f]{16}$/);
  expect(guarded).not.toBe(rbac);
  for (const { supplier, path } of repositories) {
    pulp.files.set(`${path}/repodata/repomd.xml`, '<repomd/>');
    const answer = await supplier.get('repodata/repomd.xml', null, signal);
    if (answer.kind === 'found') await answer.transfer.consume(() => {});
  }
  const shown = pulp.seen.slice(-3).map(({ headers: { authorization, 'x-pop-entitlement': entitlement } }) => ({
    authorization: authorization?.split(' ')[0],
    entitlement,
  }));
  expect(shown).toEqual([
    { authorization: undefined, entitlement: undefined },
    { authorization: undefined, entitlement: 'let-me-in' },
    { authorization: 'Basic', entitlement: 'let-me-in' },
  ]);
  await hub.close();
});

test('a client certificate is shown for guarded content, and for what everybody may have it is not', async () => {
  await using authority = await CertificateAuthority.create();
  const server = await authority.issue('hub');
  const { cert, key } = await authority.issue('edge-pop');
  await using pulp = await SimulatedPulp.start({ tls: server, clientAuthority: authority.cert });
  pulp.carry(['edge/base']);
  pulp.carry(['edge/cert'], { content_guard: '/pulp/default/api/v3/contentguards/certguard/x509/0199/' });
  const shown: [string, boolean][] = [];
  pulp.intercept = (request, _response, url) => {
    if (url.pathname.startsWith('/pulp/content/')) {
      shown.push([url.pathname.split('/')[5] ?? '', (request.socket as TLSSocket).authorized]);
    }
    return false;
  };
  for (const path of ['edge/base', 'edge/cert']) pulp.files.set(`${path}/repodata/repomd.xml`, '<repomd/>');
  const tls = { ca: async () => authority.cert, cert: async () => cert, key: async () => key };
  const hub = await openHub({ url: pulp.origin, ...user, tls });
  for (const { supplier } of (await hub.discover(signal)).repositories) {
    const answer = await supplier.get('repodata/repomd.xml', null, signal);
    if (answer.kind === 'found') await answer.transfer.consume(() => {});
  }
  expect(shown).toEqual([
    ['base', false],
    ['cert', true],
  ]);
  await hub.close();
});

test('a guard that appears later changes scope and supplier at the next poll', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  const hub = await openHub({ url: pulp.origin, ...user });
  const [before] = (await hub.discover(signal)).repositories;
  pulp.distributions = [];
  pulp.carry(['edge/base'], { content_guard: rbacHref });
  const [after] = (await hub.discover(signal)).repositories;
  expect([before?.scope, before?.guard]).toEqual(['open', null]);
  // A reader may not see the guard's name: its id stands for it.
  expect(after).toMatchObject({ guard: { kind: 'rbac', name: '0200' } });
  expect(after?.scope).not.toBe('open');
  expect(after?.supplier).not.toBe(before?.supplier);
  await hub.close();
});

test('content may be at the origin that the status names: credentials go there too', async () => {
  await using pulp = await SimulatedPulp.start();
  await using content = await SimulatedPulp.start();
  pulp.contentOrigin = content.origin;
  pulp.carry(['edge/base'], { content_guard: rbacHref });
  content.files.set('edge/base/repodata/repomd.xml', '<repomd/>');
  const hub = await openHub({ url: pulp.origin, ...user });
  const [guarded] = (await hub.discover(signal)).repositories;
  expect(await guarded?.supplier.get('repodata/repomd.xml', null, signal)).toMatchObject({ kind: 'found' });
  expect(content.seen[0]?.headers.authorization).toBeDefined();
  await hub.close();
});

test.each([
  ['to an origin that the hub did not name', false],
  ['from https to http', true],
])('credentials do not follow content %s', async (_where, secure) => {
  await using authority = await CertificateAuthority.create();
  await using pulp = await SimulatedPulp.start(secure ? { tls: await authority.issue('hub') } : {});
  await using elsewhere = await SimulatedPulp.start();
  const base_url = `${elsewhere.origin}/pulp/content/default/edge/base/`;
  if (secure) pulp.contentOrigin = elsewhere.origin;
  pulp.carry(['edge/base'], { base_url, content_guard: rbacHref });
  const hub = await openHub({ url: pulp.origin, ...user, tls: { ca: async () => authority.cert } });
  const [guarded] = (await hub.discover(signal)).repositories;
  await expect(guarded?.supplier.get('repodata/repomd.xml', null, signal)).rejects.toMatchObject({
    code: 'upstream_unauthorized',
    message: expect.stringContaining('no credentials'),
  });
  expect(elsewhere.seen).toEqual([]);
  await hub.close();
});

test('a relative base_url is below the hub', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base'], { base_url: '/pulp/content/default/edge/base/' });
  pulp.files.set('edge/base/repodata/repomd.xml', '<repomd/>');
  const hub = await openHub({ url: `${pulp.origin}/pulp/`, ...user });
  const [repository] = (await hub.discover(signal)).repositories;
  expect(await repository?.supplier.get('repodata/repomd.xml', null, signal)).toMatchObject({ kind: 'found' });
  await hub.close();
});

test('a distribution that serves nothing is listed, with that as the reason of each failure', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/empty'], { repository: null });
  pulp.carry(['edge/base']);
  const hub = await openHub({ url: pulp.origin, ...user });
  const [empty, other] = (await hub.discover(signal)).repositories;
  expect([empty?.path, other?.path]).toEqual(['edge/empty', 'edge/base']);
  const reason = { code: 'upstream_missing', message: expect.stringContaining('serves nothing') };
  await expect(empty?.supplier.get('repodata/repomd.xml', null, signal)).rejects.toMatchObject(reason);
  await expect(empty?.supplier.loader('a.rpm').open(0, signal)).rejects.toMatchObject(reason);
  await hub.close();
});

test('a checkpoint distribution carries its newest checkpoint, and says so while it has none', async () => {
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/moments'], { checkpoint: true });
  const hub = await openHub({ url: pulp.origin, ...user });
  const [none] = (await hub.discover(signal)).repositories;
  await expect(none?.supplier.get('repodata/repomd.xml', null, signal)).rejects.toThrow('no checkpoint yet');
  pulp.checkpoints.set('/repositories/edge-moments/', '2026-11-23T09:49:06.987654Z');
  pulp.files.set('edge/moments/20261123T094906Z/repodata/repomd.xml', '<repomd/>');
  const [some] = (await hub.discover(signal)).repositories;
  expect(some?.path).toBe('edge/moments');
  expect(await some?.supplier.get('repodata/repomd.xml', null, signal)).toMatchObject({ kind: 'found' });
  await hub.close();
});

test('after a restart without the hub its last list is known, guards and places included', async () => {
  const notes = new MemoryNotes();
  await using pulp = await SimulatedPulp.start();
  pulp.carry(['edge/base']);
  pulp.carry(['edge/guarded'], { content_guard: rbacHref });
  const before = await openHub({ url: pulp.origin, ...user, notes });
  expect(before.remembered()).toEqual([]);
  const listed = (await before.discover(signal)).repositories;
  await before.close();
  pulp.intercept = (_request, response, url) => {
    if (url.pathname.startsWith('/pulp/content/')) return false;
    response.writeHead(503).end();
    return true;
  };
  const after = await openHub({ url: pulp.origin, ...user, notes });
  const plain = ({ path, name, guard, scope }: (typeof listed)[number]): object => ({ path, name, guard, scope });
  expect(after.remembered().map(plain)).toEqual(listed.map(plain));
  pulp.files.set('edge/guarded/repodata/repomd.xml', '<repomd/>');
  await after.remembered()[1]?.supplier.get('repodata/repomd.xml', null, signal);
  expect(pulp.seen.at(-1)?.headers.authorization).toBeDefined();
  // Another question has another answer: that one is not remembered.
  const other = await openHub({ url: pulp.origin, ...user, notes, select: 'pop=edge' });
  expect(other.remembered()).toEqual([]);
  await Promise.all([after.close(), other.close()]);
});

test('a hub without domains is asked without one, and has none but the default', async () => {
  await using pulp = await SimulatedPulp.start({ domains: false });
  pulp.carry(['edge/base']);
  const hub = await openHub({ url: pulp.origin, ...user });
  expect((await hub.discover(signal)).repositories).toHaveLength(1);
  const wrong = await openHub({ url: pulp.origin, ...user, domain: 'site' });
  await expect(wrong.discover(signal)).rejects.toThrow('has no domains');
  await Promise.all([hub.close(), wrong.close()]);
});
