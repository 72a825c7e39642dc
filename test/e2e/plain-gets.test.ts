import { expect, test } from 'vitest';
import type { Status } from '../../base/status.ts';
import { CertificateAuthority } from '../support/faulty-origin-certificates.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import type { FilePlace } from '../support/hand-made-repository.ts';
import { NginxOrigin } from '../support/nginx-origin.ts';
import { Pop } from '../support/pop.ts';
import type { PopOptions } from '../support/pop.ts';
import { describeWith, tool } from '../support/tools.ts';

const count = 2000;
const names = Array.from({ length: count }, (_, index) => `p/package-${index}.rpm`);
const packages = Object.fromEntries(names.map((name) => [name, `${name} `.repeat(60)]));
/** `transfers.perHub`. */
const slots = 16;

function everything(origin: NginxOrigin, repository = {}, files: PopOptions['files'] = {}): PopOptions {
  const repositories = [{ path: 'r', url: `${origin.url}r/`, ...repository }];
  const vendor = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories };
  return { config: { subscriptions: [vendor] }, files };
}

const put = (origin: FilePlace): unknown => putRepository(origin, 'r', { packages, types: ['primary'] });
const isPackage = ({ path }: { readonly path: string }): boolean => path.endsWith('.rpm');

/** Plain GETs by their ends, those that there were. */
async function plainGets(pop: Pop): Promise<Record<string, number>> {
  const counted = [...(await pop.metrics())].flatMap(([name, value]) => {
    const [, end] = /^plain_gets_total\{end="(.*)"\}$/.exec(name) ?? [];
    return end === undefined || value === 0 ? [] : [[end, value] as const];
  });
  return Object.fromEntries(counted);
}

const packagesOf = ({ subscriptions }: Status) => subscriptions[0]?.repositories[0]?.packages;

async function complete(pop: Pop): Promise<void> {
  expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0, stderr: '' });
  const { subscriptions } = await pop.until((status) => packagesOf(status)?.held === count);
  expect(subscriptions[0]?.repositories[0]?.state).toBe('current');
}

describeWith([tool('nginx'), tool('openssl')], 'a full sync of small files from nginx', () => {
  test('comes mostly by plain GETs, each file once, by requests that say what all others say', async () => {
    await using origin = await NginxOrigin.start();
    put(origin);
    await using pop = await Pop.start(everything(origin));
    await complete(pop);
    const ends = await plainGets(pop);
    expect(Object.keys(ends)).toEqual(['put']);
    expect(ends['put']).toBeGreaterThan(count / 2);
    expect((await pop.metrics()).get('fills_total{result="stored"}')).toBeGreaterThanOrEqual(count);
    const requests = await origin.requests();
    expect(requests.filter(isPackage)).toHaveLength(count);
    const [metadata, fetched] = [false, true].map((wanted) =>
      requests.filter((each) => isPackage(each) === wanted && each.status === 200).map(({ fields }) => fields),
    );
    expect(new Set(fetched)).toEqual(new Set(metadata));
    expect(new Set(fetched).size).toBe(1);
  });

  test('that is killed again and again fetches again what was under way, no more', async () => {
    await using origin = await NginxOrigin.start();
    put(origin);
    await using pop = await Pop.prepare(everything(origin));
    let [kills, plain] = [0, 0];
    for (; kills < 3; kills++) {
      const before = kills === 0 ? 0 : await origin.logged();
      await pop.launch();
      while ((await origin.logged()) < before + 30_000) await new Promise(setImmediate);
      plain += (await plainGets(pop))['put'] ?? 0;
      await pop.kill();
    }
    const atLast = (await origin.requests()).filter(isPackage);
    expect(new Set(atLast.map(({ path }) => path)).size).toBeLessThan(count);
    await pop.launch();
    await complete(pop);
    expect(plain).toBeGreaterThan(0);
    const asked = (await origin.requests()).filter(isPackage);
    expect(new Set(asked.map(({ path }) => path)).size).toBe(count);
    expect(asked.length).toBeLessThanOrEqual(count + kills * slots);
  });

  test('goes on over connections that end after three answers', async () => {
    await using origin = await NginxOrigin.start({ server: 'keepalive_requests 3;' });
    put(origin);
    await using pop = await Pop.start(everything(origin));
    await complete(pop);
    expect((await plainGets(pop))['put']).toBeGreaterThan(count / 2);
    const requests = (await origin.requests()).filter(isPackage);
    expect(requests).toHaveLength(count);
    expect(new Set(requests.map(({ connection }) => connection)).size).toBeGreaterThan(count / 4);
  });

  test('comes the ordinary way where the authority is one of our own', async () => {
    await using authority = await CertificateAuthority.create();
    await using origin = await NginxOrigin.start({ tls: await authority.issue('origin') });
    put(origin);
    await using pop = await Pop.start(everything(origin, { tls: { ca: 'ca.pem' } }, { 'ca.pem': authority.cert }));
    await complete(pop);
    expect(await plainGets(pop)).toEqual({});
    expect((await origin.requests()).filter(isPackage)).toHaveLength(count);
  });

  test('ends soon when the service is told to stop', async () => {
    await using origin = await NginxOrigin.start();
    put(origin);
    await using pop = await Pop.prepare(everything(origin));
    await pop.launch();
    while ((await plainGets(pop))['put'] === undefined) await new Promise(setImmediate);
    expect((await pop.repository('r')).packages.held).toBeLessThan(count);
    expect(await pop.stop()).toEqual({ code: 0, signal: null });
  });
});
