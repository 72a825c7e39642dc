import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMessage, generateKey, type PrivateKey, readKey, readPrivateKey, revokeKey, sign } from 'openpgp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readKeyFile } from '../../yum/key-file.ts';
import { verifyDetached } from '../../yum/signature.ts';
import { describeWith, tool } from '../support/tools.ts';

const bytes = Buffer.from('<repomd/>\n');
const day = 24 * 60 * 60 * 1000;
/** When the keys were made; signatures are of a day later, and "today" is two days later. */
const made = Date.UTC(2026, 0, 1);
const signed = made + day;
const now = made + 2 * day;

interface Signer {
  readonly key: PrivateKey;
  readonly publicKey: Buffer;
  readonly fingerprint: string;
}

async function signer(name: string, expiresAfterDays = 0): Promise<Signer> {
  const { privateKey } = await generateKey({
    userIDs: [{ name, email: `${name}@example.com` }],
    date: new Date(made),
    keyExpirationTime: expiresAfterDays * 24 * 60 * 60,
    format: 'armored',
  });
  const key = await readPrivateKey({ armoredKey: privateKey });
  return { key, publicKey: Buffer.from(key.toPublic().armor()), fingerprint: key.getFingerprint() };
}

async function signature(by: readonly Signer[], of: Buffer = bytes, at = signed): Promise<Buffer> {
  const message = await createMessage({ binary: new Uint8Array(of) });
  const signingKeys = by.map(({ key }) => key);
  return Buffer.from(await sign({ message, signingKeys, detached: true, date: new Date(at) }));
}

let alice: Signer;
let bob: Signer;
let brief: Signer;
beforeAll(async () => {
  [alice, bob, brief] = await Promise.all([signer('alice'), signer('bob'), signer('brief', 1.5)]);
});

const verify = (asc: Buffer, keys: readonly Buffer[], of: Buffer = bytes): Promise<{ readonly fingerprint: string }> =>
  verifyDetached({ bytes: of, signature: asc, keys, now });

describe('a detached signature', () => {
  test('is accepted from a trusted key, and names it', async () => {
    expect(await verify(await signature([bob]), [alice.publicKey, bob.publicKey])).toEqual({
      fingerprint: bob.fingerprint,
    });
  });

  test('may be binary, as may the key', async () => {
    const armored = (await signature([alice])).toString();
    const binary = Buffer.from(
      armored
        .split('\r\n\r\n')
        .join('\n\n')
        .split('\n\n')[1]
        ?.split(/\n=|\n--/)[0] ?? '',
      'base64',
    );
    const key = Buffer.from(alice.key.toPublic().write());
    expect(await verify(binary, [key])).toEqual({ fingerprint: alice.fingerprint });
  });

  test('is accepted when one of several was made by a trusted key, in one block or in several', async () => {
    const both = await signature([alice, bob]);
    const concatenated = Buffer.concat([await signature([alice]), Buffer.from('\n'), await signature([bob])]);
    expect(await verify(both, [bob.publicKey])).toEqual({ fingerprint: bob.fingerprint });
    expect(await verify(concatenated, [bob.publicKey])).toEqual({ fingerprint: bob.fingerprint });
  });

  test('finds its key behind other armored blocks of one file', async () => {
    const file = Buffer.concat([Buffer.from('Our keys:\n'), alice.publicKey, Buffer.from('\nand\n'), bob.publicKey]);
    expect(await verify(await signature([bob]), [file])).toEqual({ fingerprint: bob.fingerprint });
  });

  test('of other bytes is refused', async () => {
    await refused(
      verify(await signature([alice]), [alice.publicKey], Buffer.from('<repomd></repomd>\n')),
      /digest did not match/,
    );
  });

  test('by an unknown key is refused, naming the key', async () => {
    await refused(
      verify(await signature([alice]), [bob.publicKey]),
      new RegExp(`${alice.key.getKeyID().toHex()}.*not among`),
    );
  });

  test('by a key that expired since is refused, though it was good when it was made', async () => {
    const asc = await signature([brief]);
    await refused(verify(asc, [brief.publicKey]), /expired/i);
    expect(await verifyDetached({ bytes, signature: asc, keys: [brief.publicKey], now: signed + 1000 })).toEqual({
      fingerprint: brief.fingerprint,
    });
  });

  test('by a revoked key is refused', async () => {
    const { publicKey } = await revokeKey({ key: alice.key, format: 'armored', date: new Date(now - 1000) });
    await refused(verify(await signature([alice]), [Buffer.from(publicKey)]), /revoked/i);
  });

  test('of the future is refused', async () => {
    await refused(verify(await signature([alice], bytes, now + day), [alice.publicKey]), /future/i);
  });

  test('that is none is refused', async () => {
    await refused(verify(Buffer.from('<html>Not found</html>'), [alice.publicKey]), /no OpenPGP signature/);
    await refused(verify(Buffer.alloc(0), [alice.publicKey]), /no signature|no OpenPGP signature/);
    await refused(verify(alice.publicKey, [alice.publicKey]), /no OpenPGP signature/);
    await refused(verify((await signature([alice])).subarray(0, 120), [alice.publicKey]), /no OpenPGP signature/);
  });

  test('that certifies a key instead of a document is refused', async () => {
    const user = (await readKey({ armoredKey: alice.publicKey.toString() })).users[0];
    const certification = user?.selfCertifications[0]?.write() ?? new Uint8Array();
    const packet = Buffer.concat([Buffer.from([0xc2, 0xff, 0, 0, 0, 0]), certification]);
    packet.writeUInt32BE(certification.length, 2);
    await refused(verify(packet, [alice.publicKey]), /not the signature of a document/);
  });

  test('without any key to verify it with is refused', async () => {
    await refused(verify(await signature([alice]), []), /no key/);
  });
});

describe('a key file', () => {
  test('gives fingerprints and user ids of all its keys', async () => {
    expect(await readKeyFile(Buffer.concat([alice.publicKey, bob.publicKey]))).toEqual([
      { fingerprint: alice.fingerprint, userIds: ['alice <alice@example.com>'] },
      { fingerprint: bob.fingerprint, userIds: ['bob <bob@example.com>'] },
    ]);
  });

  test.each([
    ['nothing', () => Buffer.alloc(0), /no OpenPGP public key/],
    ['a page', () => Buffer.from('<html></html>'), /no OpenPGP public key/],
    ['half a key', () => alice.publicKey.subarray(0, 200), /no OpenPGP public key/],
    ['a private key', () => Buffer.from(alice.key.armor()), /private key/],
    ['a binary private key', () => Buffer.from(alice.key.write()), /private key/],
    ['too much', () => Buffer.alloc(2 ** 20 + 1), /is larger than/],
  ])('that holds %s is unusable', async (_name, file, words) => {
    await expect(readKeyFile(file())).rejects.toMatchObject({
      code: 'key_unusable',
      message: expect.stringMatching(words),
    });
  });
});

describeWith([tool('gpg')], 'what gpg signed', () => {
  let home: string;
  let repomd: string;
  const gpg = (...options: string[]): Buffer =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--yes', ...options], { stdio: ['ignore', 'pipe', 'ignore'] });
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'gpg-'));
    repomd = join(home, 'repomd.xml');
    writeFileSync(repomd, bytes);
  });
  afterAll(() => {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    rmSync(home, { recursive: true });
  });

  test.each(['rsa3072', 'ed25519'])('with %s is verified, and refused when one byte is another', async (algorithm) => {
    gpg('--passphrase', '', '--quick-gen-key', `${algorithm} <${algorithm}@example.com>`, algorithm, 'sign', '1d');
    gpg('--passphrase', '', '--local-user', `${algorithm}@example.com`, '--armor', '--detach-sign', repomd);
    const asc = readFileSync(`${repomd}.asc`);
    const keys = [gpg('--armor', '--export', `${algorithm}@example.com`)];
    const detached = { signature: asc, keys, now: Date.now() + 1000 };
    expect((await verifyDetached({ ...detached, bytes })).fingerprint).toMatch(/^[0-9a-f]{40}$/);
    await refused(verifyDetached({ ...detached, bytes: Buffer.from('<Repomd/>\n') }), /./);
  });

  test('with SHA-1 is refused', async () => {
    gpg('--passphrase', '', '--quick-gen-key', 'weak <weak@example.com>', 'rsa3072', 'sign', '1d');
    const options = ['--passphrase', '', '--local-user', 'weak@example.com', '--armor', '--output', '-'];
    const keys = [gpg('--armor', '--export', 'weak@example.com')];
    const signedWith = (hash: string): Buffer => gpg(...options, '--digest-algo', hash, '--detach-sign', repomd);
    const later = Date.now() + 1000;
    await verifyDetached({ bytes, signature: signedWith('SHA256'), keys, now: later });
    await refused(verifyDetached({ bytes, signature: signedWith('SHA1'), keys, now: later }), /insecure message hash/i);
  });
});

async function refused(verification: Promise<unknown>, words: RegExp): Promise<void> {
  await expect(verification).rejects.toMatchObject({
    code: 'signature_invalid',
    message: expect.stringMatching(words),
  });
}
