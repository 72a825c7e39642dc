import { X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Audit } from '../../../hub/audit/audit.ts';
import type { AuditEntry } from '../../../hub/audit/audit.ts';
import { PopRecords } from '../../../hub/fleet/pop-records.ts';
import { parseToken } from '../../../protocol/token.ts';
import { csrOf, day, from, ground, minute, p256, popKeys } from './fleet-ground.ts';

function der(pem: string): Buffer {
  return new X509Certificate(pem).raw;
}

const rsa = (modulusLength: number): object => ({
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
});

describe('registration', () => {
  test('gives a PoP a certificate by which it is known, with the labels of its token', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const csr = await csrOf(await popKeys());
    const token = await hub.token({ labels: { site: 'lyon' } });
    const { credentials, isNew } = await fleet.register({ token, csr, name: 'lyon-1' }, from);
    expect(isNew).toBe(true);
    expect(credentials).toMatchObject({ pop: { name: 'lyon-1' }, authority: hub.authority.certificate });
    expect(credentials.keys).toEqual(hub.keys.published);
    expect(Date.parse(new X509Certificate(credentials.certificate).validTo)).toBeGreaterThanOrEqual(
      hub.clock.now() + 90 * day,
    );
    const pop = await fleet.identify(der(credentials.certificate), { renewing: false });
    expect(pop).toEqual({ id: credentials.pop.id, name: 'lyon-1', labels: { site: 'lyon' } });
    const noted: AuditEntry[] = [];
    for await (const each of new Audit(hub).list()) noted.push(each);
    expect(noted).toMatchObject([{ what: 'pop.register', on: 'lyon-1', who: { kind: 'pop', from: '192.0.2.7' } }]);
  });

  test('again with the same key and token is the same PoP, also when the token is used up', async () => {
    await using hub = await ground();
    const [csr, token] = [await csrOf(await popKeys()), await hub.token()];
    const first = await hub.fleet().register({ token, csr, name: 'lyon-1' }, from);
    const again = await hub.fleet().register({ token, csr, name: 'other' }, from);
    expect([again.isNew, again.credentials.pop]).toEqual([false, first.credentials.pop]);
    const stranger = await csrOf(await popKeys());
    await expect(hub.fleet().register({ token, csr: stranger, name: 'lyon-2' }, from)).rejects.toMatchObject({
      code: 'token_refused',
      message: expect.stringMatching(/used up: one PoP registered/),
    });
  });

  test('takes the usual kinds of keys, each with its own signature', async () => {
    await using hub = await ground();
    const token = await hub.token({ uses: 10 });
    for (const [name, algorithm] of [
      ['p256', p256],
      ['ed25519', { name: 'Ed25519' }],
      ['rsa', rsa(2_048)],
    ] as const) {
      const csr = await csrOf(await popKeys(algorithm), algorithm);
      const { credentials } = await hub.fleet().register({ token, csr, name }, from);
      expect(await hub.fleet().identify(der(credentials.certificate), { renewing: false })).toMatchObject({ name });
    }
  });

  test.each([
    ['no request', () => 'x'],
    ['a weak key', async () => csrOf(await popKeys(rsa(1_024)), rsa(1_024))],
    [
      'another curve',
      async () => csrOf(await popKeys({ ...p256, namedCurve: 'P-384' }), { ...p256, namedCurve: 'P-384' }),
    ],
    [
      'a signature by another key',
      async () => csrOf({ privateKey: (await popKeys()).privateKey, publicKey: (await popKeys()).publicKey }),
    ],
  ])('refuses %s, and uses up nothing', async (_what, make) => {
    await using hub = await ground();
    const token = await hub.token();
    const refused = hub.fleet().register({ token, csr: await make(), name: 'lyon-1' }, from);
    await expect(refused).rejects.toMatchObject({ code: 'bad_request' });
    const csr = await csrOf(await popKeys());
    expect(await hub.fleet().register({ token, csr, name: 'lyon-1' }, from)).toMatchObject({ isNew: true });
  });

  test('is refused with the reason: unknown token, wrong secret, ended, revoked', async () => {
    await using hub = await ground();
    const csr = await csrOf(await popKeys());
    const refusal = async (token: string): Promise<string> => {
      const error: unknown = await hub
        .fleet()
        .register({ token, csr, name: 'lyon-1' }, from)
        .catch((e: unknown) => e);
      expect(error).toMatchObject({ code: 'token_refused' });
      expect(String(error)).not.toContain(token.slice(5, 25));
      return String(error);
    };
    const known = await hub.token();
    await using other = await ground();
    expect(await refusal('nonsense')).toMatch(/no token of a hub/);
    expect(await refusal(await other.token())).toMatch(/does not know this token/);
    const content = { ...parseToken(known), secret: 'A'.repeat(43) };
    const forged = `wst1_${Buffer.from(JSON.stringify(content)).toString('base64url')}`;
    expect(await refusal(forged)).toMatch(/does not know this token/);
    hub.clock.advance(60 * minute);
    expect(await refusal(known)).toMatch(/the token ended at/);
  });

  test('does not give a name to two PoPs, and takes the one that has it with a new token', async () => {
    await using hub = await ground();
    const [keys, token] = [await popKeys(), await hub.token({ uses: 5 })];
    const first = await hub.fleet().register({ token, csr: await csrOf(keys), name: 'lyon-1' }, from);
    const thief = { token, csr: await csrOf(await popKeys()), name: 'lyon-1' };
    await expect(hub.fleet().register(thief, from)).rejects.toMatchObject({ code: 'pop_name_taken' });
    expect(await hub.fleet().register({ ...thief, name: 'lyon-2' }, from)).toMatchObject({ isNew: true });
    const later = await hub.token({ labels: { ring: 'late' } });
    const again = await hub.fleet().register({ token: later, csr: await csrOf(keys), name: 'lyon-1' }, from);
    expect([again.isNew, again.credentials.pop]).toEqual([false, first.credentials.pop]);
    const record = await new PopRecords(hub).known(first.credentials.pop.id);
    expect(record?.labels).toEqual({ ring: 'late' });
  });

  test('keeps no secret of a token anywhere', async () => {
    await using hub = await ground();
    const token = await hub.token();
    await hub.fleet().register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from);
    const { secret } = parseToken(token);
    const files = await readdir(join(hub.directory, 'store'), { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name), 'utf8'));
    expect(texts.length).toBeGreaterThan(4);
    expect((await Promise.all(texts)).filter((text) => text.includes(secret))).toEqual([]);
  });
});

describe('a certificate', () => {
  test('is refused when it is of another authority, or not of a PoP', async () => {
    await using hub = await ground();
    await using other = await ground();
    const fleet = hub.fleet();
    const request = { csr: await csrOf(await popKeys()), name: 'lyon-1' };
    const { credentials } = await other.fleet().register({ token: await other.token(), ...request }, from);
    const refusal = async (certificate: Buffer): Promise<unknown> =>
      fleet.identify(certificate, { renewing: false }).catch((error: unknown) => String(error));
    expect(await refusal(der(credentials.certificate))).toMatch(/not of this hub's authority/);
    expect(await refusal(Buffer.from('x'))).toMatch(/no certificate/);
    const life = { from: hub.clock.now(), until: hub.clock.now() + day };
    const server = await hub.authority.issueServer('hub.example.com', life);
    expect(await refusal(der(server.certificate))).toMatch(/not that of a PoP/);
    expect(await refusal(der(hub.authority.certificate))).toMatch(/not that of a PoP|authority/);
  });

  test('ends, and is good for a new one for another 30 days', async () => {
    await using hub = await ground();
    const fleet = hub.fleet();
    const csr = await csrOf(await popKeys());
    const { credentials } = await fleet.register({ token: await hub.token(), csr, name: 'lyon-1' }, from);
    const shown = der(credentials.certificate);
    hub.clock.advance(90 * day + 2_000);
    await expect(fleet.identify(shown, { renewing: false })).rejects.toMatchObject({ code: 'certificate_refused' });
    const pop = await fleet.identify(shown, { renewing: true });
    const renewed = await fleet.renew(pop, await csrOf(await popKeys()));
    expect(renewed.pop).toEqual(credentials.pop);
    expect(await fleet.identify(der(renewed.certificate), { renewing: false })).toEqual(pop);
    hub.clock.advance(30 * day);
    await expect(fleet.identify(shown, { renewing: true })).rejects.toThrow(/more than 30 days ago/);
  });
});
