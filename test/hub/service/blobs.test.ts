import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { describe, expect, test, vi } from 'vitest';
import { digestOf, hexOf } from '../../../base/digest.ts';
import type { Digest } from '../../../base/digest.ts';
import { WaystationError } from '../../../base/errors.ts';
import type { ErrorCode } from '../../../base/errors.ts';
import type { WantedFile } from '../../../hub/service/ports.ts';
import type { OpenObject } from '../../../hub/store/object-store.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { memorySource } from '../../support/memory-source.ts';
import { ServedHub } from './served-hub.ts';

const small = Buffer.from(incompressibleText(30_000, 'small'));
const large = Buffer.from(incompressibleText(3_000_000, 'large'));
const pathOf = (digest: Digest): string => `/v1/blobs/${digest.replace(':', '/')}`;

describe.each([
  ['small', small],
  ['large', large],
])('a %s file of a hub', (_name, bytes) => {
  test('is given whole, in part and not at all, and told of, the same the first time and later', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const path = pathOf(await hub.blob(bytes));
    const etag = `"${hexOf(digestOf(bytes))}"`;
    const fixed = { etag, 'cache-control': 'private, max-age=31536000, immutable', 'accept-ranges': 'bytes' };
    for (let round = 0; round < 2; round += 1) {
      const whole = await hub.ask(agent, path);
      expect([whole.status, whole.body.equals(bytes)]).toEqual([200, true]);
      expect(whole.headers).toMatchObject({ ...fixed, 'content-length': String(bytes.length) });
      const head = await hub.ask(agent, path, { method: 'HEAD' });
      expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(bytes.length), 0]);
      const part = await hub.ask(agent, path, { headers: { range: 'bytes=100-199', 'if-range': etag } });
      expect([part.status, part.body.equals(bytes.subarray(100, 200))]).toEqual([206, true]);
      expect(part.headers['content-range']).toBe(`bytes 100-199/${bytes.length}`);
      const other = await hub.ask(agent, path, { headers: { range: 'bytes=100-199', 'if-range': '"other"' } });
      expect([other.status, other.body.length]).toEqual([200, bytes.length]);
      const parts = await hub.ask(agent, path, { headers: { range: 'bytes=0-9,-10' } });
      expect([parts.status, parts.headers['content-type']]).toEqual([206, expect.stringMatching(/^multipart/)]);
      const known = await hub.ask(agent, path, { headers: { 'if-none-match': etag } });
      expect([known.status, known.body.length]).toEqual([304, 0]);
      const failed = await hub.ask(agent, path, { headers: { 'if-match': '"other"' } });
      expect(failed.status).toBe(412);
      const beyond = await hub.ask(agent, path, { headers: { range: `bytes=${bytes.length}-` } });
      expect([beyond.status, beyond.json()['code']]).toEqual([416, 'range_not_satisfiable']);
    }
  });

  test('is no longer sent to one who has left, and its file is closed', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const path = pathOf(await hub.blob(bytes));
    const asked = request({ host: '127.0.0.1', port: hub.listener.port, path, agent }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.destroy();
    await vi.waitFor(() => expect(hub.access).toHaveLength(1));
    await vi.waitFor(() => expect(openFiles()).not.toContainEqual(expect.stringContaining(path.slice(-64))));
  });
});

describe('what a hub does not have', () => {
  test('is not found, whatever is asked for in its place', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const hex = '0'.repeat(64);
    const paths: [string, number, string][] = [
      [`/v1/blobs/sha256/${hex}`, 404, 'not_found'],
      [`/v1/blobs/sha256/${hex.slice(1)}`, 404, 'not_found'],
      [`/v1/blobs/SHA256/${hex}`, 404, 'not_found'],
      [`/v1/blobs/sha256/${'A'.repeat(64)}`, 404, 'not_found'],
      ['/v1/blobs/sha256/', 404, 'not_found'],
      ['/v1/blobs/sha256/../../FORMAT', 400, 'bad_path'],
      ['/v1/blobs/sha256/%2e%2e/FORMAT', 400, 'bad_path'],
      ['/v1/snapshots/..%2fkeys', 400, 'bad_path'],
      ['/v1/snapshots/../keys.json', 400, 'bad_path'],
      ['/v1/snapshots/.keys', 404, 'unknown_snapshot'],
      ['/v1/snapshots/none', 404, 'unknown_snapshot'],
      ['/v1/snapshots/a/b', 404, 'unknown_snapshot'],
      ['/v1/', 404, 'not_found'],
      ['/', 404, 'not_found'],
      ['/public/keys.json', 404, 'not_found'],
      [`/v1/blobs/md5/${'0'.repeat(32)}?snapshot=one`, 400, 'bad_request'],
      [`/v1/blobs/md5/${'0'.repeat(32)}?snapshot=one&path=a&href=${encodeURIComponent('../b')}`, 400, 'bad_request'],
    ];
    for (const [path, status, code] of paths) {
      const answer = await hub.ask(agent, path);
      expect([path, answer.status, answer.json()['code']]).toEqual([path, status, code]);
    }
    const wrong = await hub.ask(agent, `/v1/blobs/sha256/${hex}`, { method: 'DELETE' });
    expect([wrong.status, wrong.headers.allow, wrong.json()['code']]).toEqual([405, 'GET, HEAD', 'method_not_allowed']);
  });

  test('is asked for where it is listed', async () => {
    const asked: WantedFile[] = [];
    await using hub = await ServedHub.start({
      open: async (wanted) => {
        asked.push(wanted);
        return wanted.listed === null ? null : onItsWay(large);
      },
    });
    const agent = hub.agent(await hub.pop('lyon'));
    const digest = digestOf(large, 'md5');
    // Bytes that the store has under such a digest may be anybody's.
    await hub.blob(large, 'md5');
    const bare = await hub.ask(agent, pathOf(digest));
    expect([bare.status, bare.json()['detail']]).toEqual([404, expect.stringMatching(/can be forged/)]);
    const listed = { snapshot: 'one', path: 'el9/base', href: 'Packages/c++ 1.rpm' };
    const found = await hub.ask(agent, `${pathOf(digest)}?${new URLSearchParams(listed).toString()}`);
    expect([found.status, found.body.equals(large)]).toEqual([200, true]);
    expect(asked).toEqual([
      { digest, listed: null },
      { digest, listed },
    ]);
    await vi.waitFor(() => expect(hub.access.at(-1)).toMatchObject({ outcome: 'miss', bytes: large.length }));
  });

  test('says why it cannot be had now', async () => {
    await using hub = await ServedHub.start({ open: async () => onItsWay(large, 0, 'upstream_unreachable') });
    const agent = hub.agent(await hub.pop('lyon'));
    const answer = await hub.ask(agent, pathOf(digestOf(large)));
    expect([answer.status, answer.json()['code']]).toEqual([504, 'upstream_unreachable']);
  });

  test('is cut, and not ended, when its origin is', async () => {
    await using hub = await ServedHub.start({ open: async () => onItsWay(large, 1_000_000) });
    const agent = hub.agent(await hub.pop('lyon'));
    await expect(hub.ask(agent, pathOf(digestOf(large)))).rejects.toThrow(/aborted/);
    await vi.waitFor(() => expect(hub.access).toMatchObject([{ outcome: 'error' }]));
  });
});

test('a snapshot is given by its name, as it was signed', async () => {
  await using hub = await ServedHub.start();
  const agent = hub.agent(await hub.pop('lyon'));
  await hub.store.put('public/snapshots/one.jws', Buffer.from('signed'));
  const answer = await hub.ask(agent, '/v1/snapshots/one');
  expect([answer.status, answer.headers['content-type'], answer.body.toString()]).toEqual([
    200,
    'application/jose',
    'signed',
  ]);
  const again = await hub.ask(agent, '/v1/snapshots/one', { headers: { 'if-none-match': answer.headers.etag } });
  expect(again.status).toBe(304);
});

/** What this process has open. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      return '';
    }
  });
}

/** A file on its way, which may fail from some byte on. */
function onItsWay(bytes: Buffer, failAt = Infinity, code: ErrorCode = 'upstream_cut'): OpenObject {
  const before = async (position: number): Promise<void> => {
    if (position >= failAt) throw new WaystationError(code, 'gone');
  };
  return { ...memorySource(bytes, { failAt, before }), size: bytes.length };
}
