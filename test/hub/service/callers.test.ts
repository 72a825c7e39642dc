import type { TLSSocket } from 'node:tls';
import { describe, expect, test, vi } from 'vitest';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { rawConnection } from '../../support/raw-connection.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { ServedHub } from './served-hub.ts';

const day = 24 * 60 * 60_000;

describe('who asks a hub', () => {
  test('is known by the certificate of the connection', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const digest = await hub.blob(Buffer.from('bytes'));
    const path = `/v1/blobs/${digest.replace(':', '/')}`;
    expect((await hub.ask(agent, path)).status).toBe(200);
    expect((await hub.ask(agent, path)).body.toString()).toBe('bytes');
    const line = { pop: 'lyon', status: 200, outcome: 'hit', bytes: 5 };
    await vi.waitFor(() => expect(hub.access).toMatchObject([line, line]));
    // The second request came over the same connection at once.
    expect(hub.fleet.identified).toBe(1);
  });

  test('is refused without a certificate, with one of another authority, with one that has ended', async () => {
    await using hub = await ServedHub.start();
    await using directory = await temporaryDirectory();
    const other = await Authority.make(new KeyFolder(directory.path), 'localhost', Date.now());
    const refused = [null, await hub.pop('lyon', { by: other }), await hub.pop('lyon', { ended: 2 * day })];
    for (const identity of refused) {
      const agent = hub.agent(identity);
      for (const path of ['/v1/assignment', `/v1/blobs/sha256/${'0'.repeat(64)}`, '/v1/snapshots/one']) {
        const { status, headers, json } = await hub.ask(agent, path);
        expect([status, headers['content-type'], json()['code']]).toEqual([
          403,
          'application/problem+json',
          'certificate_refused',
        ]);
      }
      const beat = await hub.ask(agent, '/v1/heartbeats', { method: 'POST', body: '{}' });
      expect([beat.status, beat.json()['code']]).toEqual([403, 'certificate_refused']);
    }
    await vi.waitFor(() => expect(hub.access).toHaveLength(12));
    expect(hub.access.every(({ outcome, pop }) => outcome === 'denied' && pop === null)).toBe(true);
  });

  test('is refused within a second on a connection that is open, once revoked', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon'));
    const path = `/v1/blobs/${(await hub.blob(Buffer.from('bytes'))).replace(':', '/')}`;
    expect((await hub.ask(agent, path)).status).toBe(200);
    hub.fleet.revoked.add('lyon');
    await vi.waitFor(async () => expect((await hub.ask(agent, path)).status).toBe(403), { timeout: 1_000 });
    // Not only once.
    expect((await hub.ask(agent, path)).status).toBe(403);
  });

  test('may renew with a certificate that has ended', async () => {
    await using hub = await ServedHub.start();
    const agent = hub.agent(await hub.pop('lyon', { ended: 2 * day }));
    const answer = await hub.ask(agent, '/v1/renewals', { method: 'POST', body: '{"csr":"a request"}' });
    expect([answer.status, answer.json()['pop']]).toEqual([200, expect.objectContaining({ name: 'lyon' })]);
    expect((await hub.ask(agent, '/v1/assignment')).status).toBe(403);
    await vi.waitFor(() => expect(hub.access[0]).toMatchObject({ pop: 'lyon' }));
  });

  test('sees the authority at the end of the chain, before anything is sent', async () => {
    await using hub = await ServedHub.start();
    const connection = await rawConnection(hub.listener.port ?? 0, { tls: true });
    const shown = (connection.socket as TLSSocket).getPeerCertificate(true);
    const { issuerCertificate } = shown;
    expect(shown.subjectaltname).toBe('DNS:localhost');
    const fingerprint = issuerCertificate.fingerprint256.replaceAll(':', '').toLowerCase();
    expect(fingerprint).toBe(hub.authority.fingerprint);
    connection.socket.destroy();
  });
});
