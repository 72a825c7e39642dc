import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import { publicHalf } from '../../../hub/keys/x509.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import { popUri } from '../../../protocol/registration.ts';
import { parseToken, tokenText } from '../../../protocol/token.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { followingPop } from '../../support/following-pop.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { LiveHub } from '../../support/live-hub.ts';
import type { LiveHubOptions } from '../../support/live-hub.ts';
import { Pop } from '../../support/pop.ts';

/** A hub with snapshots `one` and `two`; `prod` points to `one`. */
async function hubWithTwo(options: LiveHubOptions = {}): Promise<LiveHub> {
  await using origin = await FaultyOrigin.start();
  const hub = await LiveHub.start(options);
  for (const name of ['one', 'two']) {
    putRepository(origin, 'base', { packages: { 'a-1-1.noarch.rpm': 'the same', [`${name}-1-1.noarch.rpm`]: name } });
    await hub.snapshot(name, [{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
  }
  await hub.promote('prod', 'one');
  return hub;
}

const get = (pop: Pop, path: string): Promise<Response> => fetch(`${pop.content}/content/base/${path}`);

async function serves(pop: Pop, snapshot: string): Promise<void> {
  await pop.until(({ subscriptions: [site] }) => site?.snapshot === snapshot && site.sync.state === 'idle');
}

/** Waits for the reason in `status`, and proves that what was served still is. */
async function refused(pop: Pop, code: string, snapshot = 'one'): Promise<void> {
  await pop.until(({ subscriptions: [site] }) => site?.hub.error?.code === code);
  const { subscriptions } = await pop.status();
  expect(subscriptions[0]).toMatchObject({ state: 'degraded', snapshot });
  expect(await (await get(pop, `${snapshot}-1-1.noarch.rpm`)).text()).toBe(snapshot);
}

/** Following a channel, with a package of `one` held. */
async function following(hub: LiveHub, name = 'lyon-1'): Promise<Pop> {
  const pop = await Pop.start(followingPop(hub, { token: await hub.token(), name, more: { refresh: '1s' } }));
  await serves(pop, 'one');
  expect((await get(pop, 'one-1-1.noarch.rpm')).status).toBe(200);
  return pop;
}

/** Puts a certificate in the place of a PoP's that ended more than 30 days ago. */
async function age({ authority }: LiveHub, state: string): Promise<void> {
  const [folder = ''] = await readdir(join(state, 'identity'));
  const place = (name: string): string => join(state, 'identity', folder, name);
  const { id } = JSON.parse(await readFile(place('hub.json'), 'utf8')) as { readonly id: string };
  const day = 24 * 60 * 60_000;
  const certificate = await authority.issue({
    publicKey: publicHalf(await readFile(place('key.pem'), 'utf8')),
    commonName: 'lyon-2',
    names: [{ type: 'url', value: popUri(id) }],
    use: 'client',
    from: Date.now() - 90 * day,
    until: Date.now() - 31 * day,
  });
  await writeFile(place('certificate.pem'), certificate);
}

describe('a PoP refuses, and serves on what it had', { timeout: 120_000 }, () => {
  test('a manifest that was tampered with', async () => {
    await using hub = await hubWithTwo();
    await using pop = await following(hub);
    const key = keysOf.snapshot('two');
    const path = join(hub.directory, 'store', key);
    const real = await readFile(path, 'utf8');
    const [head = '', body = '', signature = ''] = real.split('.');
    const text = Buffer.from(body, 'base64url').toString().replace('"two"', '"two" ');
    await hub.stop();
    await hub.promote('prod', 'two');
    await writeFile(path, [head, Buffer.from(text).toString('base64url'), signature].join('.'));
    await hub.resume();
    await refused(pop, 'untrusted');
    await writeFile(path, real);
    await hub.stop();
    await hub.resume();
    await serves(pop, 'two');
  });

  test('an assignment that was replayed', async () => {
    await using hub = await hubWithTwo();
    await using pop = await following(hub);
    const answers: string[] = [];
    hub.intercept = (request, response) => {
      if (!(request.url ?? '').startsWith('/v1/assignment')) return false;
      const { end } = response;
      response.end = ((...words: Parameters<typeof end>) => {
        if (typeof words[0] === 'string') answers.push(words[0]);
        return end.apply(response, words);
      }) as typeof end;
      delete request.headers['if-none-match'];
      delete request.headers['prefer'];
      return false;
    };
    while (answers.length === 0) await pop.run('sync');
    const [old = ''] = answers;
    hub.intercept = () => false;
    await hub.promote('prod', 'two');
    await serves(pop, 'two');
    expect((await get(pop, 'two-1-1.noarch.rpm')).status).toBe(200);
    hub.intercept = (request, response) => {
      if (!(request.url ?? '').startsWith('/v1/assignment')) return false;
      response.writeHead(200, { 'content-type': 'application/json' }).end(old);
      return true;
    };
    await refused(pop, 'replayed', 'two');
  });

  test('a file that the store has wrongly', async () => {
    await using hub = await hubWithTwo();
    await using pop = await following(hub);
    const path = join(hub.directory, 'store', keysOf.blob(digestOf('the same')));
    await writeFile(path, 'the lies');
    const lied = await get(pop, 'a-1-1.noarch.rpm');
    expect([lied.status, await lied.json()]).toEqual([504, expect.objectContaining({ code: 'upstream_lied' })]);
    expect((await get(pop, 'one-1-1.noarch.rpm')).status).toBe(200);
    await writeFile(path, 'the same');
    while ((await get(pop, 'a-1-1.noarch.rpm')).status !== 200) await pop.status();
  });

  test('to be nobody: a certificate that has ended or was revoked, until a new token comes', async () => {
    await using hub = await hubWithTwo();
    await using pop = await following(hub);
    await using other = await following(hub, 'lyon-2');
    await hub.revoke('lyon-1');
    await refused(pop, 'certificate_refused');
    // The others are not concerned, and its name is free again.
    await pop.file('token', await hub.token());
    await hub.promote('prod', 'two');
    await Promise.all([serves(pop, 'two'), serves(other, 'two')]);
    expect((await pop.status()).subscriptions[0]?.hub.following).toMatchObject({ name: 'lyon-1', problem: null });
    expect((await get(other, 'two-1-1.noarch.rpm')).status).toBe(200);
    await other.held('/content/base/two-1-1.noarch.rpm');

    await hub.stop();
    await other.stop();
    await age(hub, other.state);
    await other.launch();
    await hub.resume();
    await refused(other, 'certificate_refused', 'two');
  });
});

describe('a PoP that cannot register says why, and goes on trying', { timeout: 120_000 }, () => {
  test('with a token that is used up or has expired, a name that is taken, or at a wrong hub', async () => {
    await using hub = await hubWithTwo();
    await using wrong = await hubWithTwo();
    const used = await hub.token();
    await using first = await Pop.start(followingPop(hub, { token: used }));
    await serves(first, 'one');
    const { id, secret, ca } = parseToken(await hub.token());
    const cases = [
      [hub, used, 'lyon-2', 'token_refused'],
      [hub, await hub.token({ ttl: -1 }), 'lyon-2', 'token_refused'],
      [hub, await hub.token(), 'lyon-1', 'pop_name_taken'],
      [wrong, tokenText({ url: wrong.url, id, secret, ca }), 'lyon-2', 'untrusted'],
    ] as const;
    for (const [at, token, name, code] of cases) {
      await using pop = await Pop.start(followingPop(at, { token, name }));
      const asked = at.requests.length;
      const { subscriptions } = await pop.until(({ subscriptions: [site] }) => site?.hub.error?.code === code);
      expect(subscriptions[0]?.hub.following).toMatchObject({ id: null, problem: expect.stringMatching(/./) });
      expect((await fetch(`${pop.admin}/healthz/ready`)).status).toBe(503);
      if (code === 'untrusted') expect(at.requests).toHaveLength(asked);
    }
    expect((await get(first, 'one-1-1.noarch.rpm')).status).toBe(200);
  });
});
