import { X509Certificate } from 'node:crypto';
import { chown, mkdir, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { IdentityFolder } from '../../../mirror/waystation/identity-folder.ts';
import { register } from '../../../mirror/waystation/registration.ts';
import { parseToken, tokenText } from '../../../protocol/token.ts';
import { ForwardProxy } from '../../support/forward-proxy.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith, root } from '../../support/tools.ts';
import { addressOf, RegisteredPop } from './registered-pop.ts';

const signal = AbortSignal.timeout(120_000);

describe('a registration', () => {
  test('makes key and certificate, for the eyes of the user alone', async () => {
    await using hub = await LiveHub.start();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const identity = await pop.folder.load();
    expect(identity).toMatchObject({ name: 'lyon-1', epoch: null, url: hub.url });
    const certificate = new X509Certificate(identity?.certificate ?? '');
    expect(certificate.subjectAltName).toBe(`URI:urn:waystation:pop:${identity?.id}`);
    expect(certificate.verify(new X509Certificate(hub.authority.certificate).publicKey)).toBe(true);
    expect((await stat(pop.folder.path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(pop.folder.path))
      expect([name, (await stat(join(pop.folder.path, name))).mode & 0o777]).toEqual([name, 0o600]);
  });

  test('sends nothing to a hub that is not the one of the token', async () => {
    await using right = await LiveHub.start();
    await using wrong = await LiveHub.start();
    await using pop = await RegisteredPop.start(wrong.url, null);
    const { id, secret, ca } = parseToken(await right.token());
    const token = tokenText({ url: wrong.url, id, secret, ca });
    const tried = register(addressOf(wrong.url), { folder: pop.folder, token, name: 'lyon-1' }, signal);
    await expect(tried).rejects.toMatchObject({ code: 'untrusted', message: /nothing was sent/ });
    expect(wrong.requests).toEqual([]);
    const elsewhere = register(
      addressOf(wrong.url),
      { folder: pop.folder, token: await right.token(), name: 'x' },
      signal,
    );
    await expect(elsewhere).rejects.toMatchObject({ code: 'token_refused', message: /is for .* not for/ });
  });

  test('is refused by name: no token, a used-up one, one that has expired, a name that is taken', async () => {
    await using hub = await LiveHub.start();
    const token = await hub.token();
    await using first = await RegisteredPop.start(hub.url, token);
    await using pop = await RegisteredPop.start(hub.url, null);
    const tried = (text: string, name: string): Promise<unknown> =>
      register(addressOf(hub.url), { folder: pop.folder, token: text, name }, signal);
    await expect(tried('nonsense', 'a')).rejects.toMatchObject({ code: 'token_refused' });
    await expect(tried(token, 'lyon-2')).rejects.toMatchObject({ code: 'token_refused', message: /used/ });
    const late = await hub.token({ ttl: -1 });
    await expect(tried(late, 'lyon-2')).rejects.toMatchObject({ code: 'token_refused', message: /expired/ });
    await expect(tried(await hub.token(), 'lyon-1')).rejects.toMatchObject({ code: 'pop_name_taken' });
    expect(await pop.folder.load()).toBeNull();
    expect((await first.folder.load())?.name).toBe('lyon-1');
  });

  test('whose answer was lost is asked for again, and makes the same PoP', async () => {
    await using hub = await LiveHub.start();
    const token = await hub.token();
    await using pop = await RegisteredPop.start(hub.url, null);
    const tried = (): Promise<unknown> =>
      register(addressOf(hub.url), { folder: pop.folder, token, name: 'lyon-1' }, signal);
    let cut = 0;
    hub.intercept = (_request, response) => {
      const { end } = response;
      response.end = ((...words: Parameters<typeof end>) => {
        if (cut > 0) return end.apply(response, words);
        cut += 1;
        return response.destroy();
      }) as typeof end;
      return false;
    };
    await expect(tried()).rejects.toMatchObject({ code: 'upstream_cut' });
    expect(await pop.folder.load()).toBeNull();
    const made = await tried();
    expect(await pop.folder.load()).toEqual(made);
    // From here on it is known, and nobody is asked.
    const asked = hub.requests.length;
    expect(await tried()).toEqual(made);
    expect(hub.requests).toHaveLength(asked);
  });

  test('goes through a proxy from its first byte on', async () => {
    await using hub = await LiveHub.start();
    await using proxy = await ForwardProxy.start();
    await using pop = await RegisteredPop.start(hub.url, null);
    const address = { ...addressOf(hub.url), proxy: proxy.url };
    await register(address, { folder: pop.folder, token: await hub.token(), name: 'lyon-1' }, signal);
    const { host } = new URL(hub.url);
    expect(proxy.requests).toEqual([`CONNECT ${host}`, `CONNECT ${host}`]);
  });
});

describe('an identity', () => {
  test('outlives a change of its key that was cut off anywhere', async () => {
    await using hub = await LiveHub.start();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    const before = await pop.folder.load();
    // A new key was made, and the certificate for it never came.
    const next = await pop.folder.nextKey();
    expect(await pop.folder.load()).toEqual(before);
    expect(await pop.folder.nextKey()).toBe(next);
    // The certificate came, and the key was not put in its place yet: the old one is what it was.
    await rename(join(pop.folder.path, 'key.pem'), join(pop.folder.path, 'key.next.pem'));
    await pop.folder.load().then((found) => expect(found).toEqual(before));
    expect(await readdir(pop.folder.path)).not.toContain('key.next.pem');
  });

  test('whose files do not belong together is refused', async () => {
    await using hub = await LiveHub.start();
    await using pop = await RegisteredPop.start(hub.url, await hub.token());
    await pop.folder.nextKey();
    await rename(join(pop.folder.path, 'key.next.pem'), join(pop.folder.path, 'key.pem'));
    await expect(pop.folder.load()).rejects.toMatchObject({ code: 'secret_unreadable' });
  });
});

describeWith([root], 'an identity that root makes', () => {
  test('belongs to the owner of the state directory, to the last file', async () => {
    await using hub = await LiveHub.start();
    await using directory = await temporaryDirectory();
    const state = join(directory.path, 'state');
    await mkdir(state);
    await chown(state, 4711, 4712);
    const folder = new IdentityFolder(state, hub.url);
    await register(addressOf(hub.url), { folder, token: await hub.token(), name: 'lyon-1' }, signal);
    const made = (await readdir(state, { recursive: true })).map((name) => join(state, name));
    expect(made.length).toBeGreaterThan(5);
    for (const path of made) expect(await stat(path)).toMatchObject({ uid: 4711, gid: 4712 });
  });
});
