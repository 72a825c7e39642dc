import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { digestOf, hexOf } from '../../../base/digest.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { SigningKeys } from '../../../hub/keys/signing-keys.ts';
import { keysOf } from '../../../hub/store/layout.ts';
import type { WantedRepository } from '../../../mirror/discovery.ts';
import { readWhole } from '../../../origin/read-whole.ts';
import { signed } from '../../../protocol/signed.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import type { HandMadeRepository } from '../../support/hand-made-repository.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { RegisteredPop } from './registered-pop.ts';

const signal = AbortSignal.timeout(120_000);
const repomdHref = 'repodata/repomd.xml';

class Ground implements AsyncDisposable {
  readonly hub: LiveHub;
  readonly made: HandMadeRepository;
  readonly repository: WantedRepository;
  readonly #resources: AsyncDisposableStack;

  static async start(): Promise<Ground> {
    const resources = new AsyncDisposableStack();
    await using origin = await FaultyOrigin.start();
    const hub = resources.use(await LiveHub.start());
    const made = putRepository(origin, 'base', { packages: { 'a-1-1.noarch.rpm': 'the package' } });
    await hub.snapshot('one', [{ type: 'yum', path: 'base', url: `${origin.url}base/` }]);
    await hub.promote('prod', 'one');
    const pop = resources.use(await RegisteredPop.start(hub.url, await hub.token()));
    const channel = resources.use(await pop.follow('prod', 'site'));
    const { repositories, hubVersion } = await channel.hub.discover(signal);
    expect([hubVersion, repositories.map(({ path }) => path)]).toEqual(['one', ['site/base']]);
    const [repository] = repositories;
    if (repository === undefined) throw new Error('nothing is listed');
    return new Ground(resources, { hub, made, repository });
  }

  private constructor(
    resources: AsyncDisposableStack,
    own: { hub: LiveHub; made: HandMadeRepository; repository: WantedRepository },
  ) {
    this.#resources = resources;
    this.hub = own.hub;
    this.made = own.made;
    this.repository = own.repository;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

describe('a repository of a snapshot', () => {
  test('brings what its manifest pins, and confirms it without asking anybody', async () => {
    await using ground = await Ground.start();
    const { supplier } = ground.repository;
    const answer = await supplier.get(repomdHref, null, signal);
    if (answer.kind !== 'found') throw new Error('304 to an unconditional request');
    const { etag, lastModified } = answer.transfer;
    expect(await readWhole(answer.transfer, 1 << 20)).toEqual(ground.made.repomd);
    expect(etag).toBe(`"${hexOf(digestOf(ground.made.repomd))}"`);
    const asked = ground.hub.requests.length;
    expect(await supplier.get(repomdHref, { etag, lastModified }, signal)).toEqual({ kind: 'not-modified' });
    expect(ground.hub.requests).toHaveLength(asked);
  });

  test('does not have what its manifest does not pin, and asks nobody for it', async () => {
    await using ground = await Ground.start();
    const { supplier } = ground.repository;
    const asked = ground.hub.requests.length;
    for (const href of ['repodata/repomd.xml.asc', '.treeinfo', 'images/updates.img', 'listing'])
      await expect(supplier.get(href, null, signal)).rejects.toMatchObject({ code: 'upstream_missing' });
    await expect(supplier.loader('no.rpm').open(0, signal)).rejects.toMatchObject({ code: 'upstream_missing' });
    expect(ground.hub.requests).toHaveLength(asked);
  });

  test('gives files by digest, whole and in parts, and says where they are listed', async () => {
    await using ground = await Ground.start();
    const { supplier } = ground.repository;
    const digest = digestOf('the package');
    const whole = await supplier.loader('a-1-1.noarch.rpm', 'client', digest).open(0, signal);
    expect((await readWhole(whole, 100)).toString()).toBe('the package');
    const slice = { start: 4, end: 8, total: 11 };
    const part = await supplier.slice('a-1-1.noarch.rpm', slice, digest).open(4, signal);
    expect((await readWhole(part, 100)).toString()).toBe('pack');
    expect(ground.hub.requests.at(-1)).toBe(
      `GET /v1/blobs/sha256/${hexOf(digest)}?snapshot=one&path=base&href=a-1-1.noarch.rpm`,
    );
    const gone = supplier.loader('b.rpm', 'client', digestOf('never was')).open(0, signal);
    await expect(gone).rejects.toMatchObject({ code: 'upstream_missing' });
  });

  test('is not taken from a store that has other bytes in its place', async () => {
    await using ground = await Ground.start();
    const { hub, made, repository } = ground;
    const path = join(hub.directory, 'store', keysOf.blob(digestOf(made.repomd)));
    await writeFile(path, Buffer.alloc(made.repomd.length, 'x'));
    const lied = repository.supplier.get(repomdHref, null, signal);
    await expect(lied).rejects.toMatchObject({ code: 'upstream_lied' });
    await writeFile(path, Buffer.concat([made.repomd, made.repomd]));
    await expect(repository.supplier.get(repomdHref, null, signal)).rejects.toMatchObject({ source: 'origin' });
  });
});

describe('a channel', () => {
  test('is refused when its manifest is not what it says', async () => {
    await using ground = await Ground.start();
    const { hub } = ground;
    await using pop = await RegisteredPop.start(hub.url, await hub.token(), 'lyon-2');
    await using channel = await pop.follow('prod');
    const real = await hub.store.get(keysOf.snapshot('one'));
    const text = real?.bytes.toString() ?? '';
    const [head, , signature] = text.split('.');
    const forged = Buffer.from(JSON.stringify({ format: 1, name: 'one' })).toString('base64url');
    for (const lie of [`${head}.${forged}.${signature}`, text.slice(0, -8), '']) {
      hub.intercept = (request, response) => {
        if (!(request.url ?? '').startsWith('/v1/snapshots/')) return false;
        response.writeHead(200, { 'content-type': 'application/jose' }).end(lie);
        return true;
      };
      await expect(channel.hub.discover(signal)).rejects.toMatchObject({ code: 'untrusted' });
      expect(channel.hub.remembered()).toEqual([]);
    }
    hub.intercept = () => false;
    expect((await channel.hub.discover(signal)).hubVersion).toBe('one');
  });

  test('that this PoP may not follow, or that does not exist, is refused by name', async () => {
    await using ground = await Ground.start();
    await using pop = await RegisteredPop.start(ground.hub.url, await ground.hub.token(), 'lyon-2');
    await using channel = await pop.follow('staging');
    await expect(channel.hub.discover(signal)).rejects.toMatchObject({ code: 'channel_not_assigned' });
    expect(channel.hub.following()).toMatchObject({ name: 'lyon-2', channel: 'staging', snapshot: null });
  });

  test('says by itself when it has news, and not when it is asked already', async () => {
    await using ground = await Ground.start();
    const { hub } = ground;
    await using pop = await RegisteredPop.start(hub.url, await hub.token(), 'lyon-2');
    await using channel = await pop.follow('prod');
    const news: PromiseWithResolvers<void>[] = [];
    channel.hub.watch(() => news.at(-1)?.resolve());
    await channel.hub.discover(signal);
    const told = Promise.withResolvers<void>();
    news.push(told);
    await hub.snapshot('two', [{ snapshot: 'one', path: 'again' }]);
    await hub.promote('prod', 'two');
    await told.promise;
    const asked = hub.count(/assignment/);
    expect((await channel.hub.discover(signal)).hubVersion).toBe('two');
    // Each of the two PoPs waits for the next news: nobody has asked beside that.
    expect(hub.count(/assignment/) - asked).toBeLessThanOrEqual(2);
  });

  test('says so too when the news came while the hub was gone', async () => {
    await using ground = await Ground.start();
    const { hub } = ground;
    await using pop = await RegisteredPop.start(hub.url, await hub.token(), 'lyon-2');
    await using channel = await pop.follow('prod');
    await channel.hub.discover(signal);
    const told = Promise.withResolvers<void>();
    const heard: string[] = [];
    channel.hub.watch((what) => {
      heard.push(what);
      if (what === 'news') told.resolve();
    });
    await hub.stop();
    await hub.snapshot('two', [{ snapshot: 'one', path: 'again' }]);
    await hub.promote('prod', 'two');
    while (channel.session.error === null) await new Promise((resolve) => setTimeout(resolve, 10));
    await hub.resume();
    await told.promise;
    expect(heard).toEqual(['trouble', 'news']);
    expect((await channel.hub.discover(signal)).hubVersion).toBe('two');
  });

  test('is followed also when what the hub says has expired, and that is said', async () => {
    await using ground = await Ground.start();
    const { hub } = ground;
    await using pop = await RegisteredPop.start(hub.url, await hub.token(), 'lyon-2');
    await using channel = await pop.follow('prod');
    await channel.hub.discover(signal);
    expect(channel.hub.following().problem).toBeNull();
    const answer = await pop.folder.assignment();
    const { signer } = await SigningKeys.open(new KeyFolder(hub.config.keys));
    const [, body = ''] = answer?.assignment.split('.') ?? [];
    const document = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const late = { ...document, expires: new Date(Date.now() - 1_000).toISOString() };
    const old = JSON.stringify({ ...answer, assignment: await signed('assignment', late, signer) });
    hub.intercept = (request, response) => {
      if (!(request.url ?? '').startsWith('/v1/assignment')) return false;
      response.writeHead(200, { 'content-type': 'application/json' }).end(old);
      return true;
    };
    expect((await channel.hub.discover(signal)).hubVersion).toBe('one');
    expect(channel.hub.following().problem).toMatch(/expired/);
  });
});
