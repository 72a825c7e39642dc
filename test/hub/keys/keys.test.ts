import { X509Certificate } from 'node:crypto';
import { chmod, copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { SigningKeys } from '../../../hub/keys/signing-keys.ts';
import { newKey, publicHalf } from '../../../hub/keys/x509.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const now = Date.parse('2026-11-30T12:00:00Z');
const year = 365 * 24 * 60 * 60_000;

describe("a hub's keys", () => {
  test('are made once, readable by their user alone, and found again', async () => {
    await using directory = await temporaryDirectory();
    const folder = new KeyFolder(join(directory.path, 'keys'));
    const made = [await Authority.make(folder, 'hub.example.com', now), await SigningKeys.make(folder, now)] as const;
    const again = [
      await Authority.make(folder, 'other.example.com', now + year),
      await SigningKeys.make(folder, now),
    ] as const;
    expect(again[0].fingerprint).toBe(made[0].fingerprint);
    expect(again[1].published).toEqual(made[1].published);
    expect((await stat(folder.path)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder.path))
      expect([name, (await stat(join(folder.path, name))).mode & 0o777]).toEqual([name, 0o600]);
  });

  test('that others can read are refused', async () => {
    await using directory = await temporaryDirectory();
    const folder = new KeyFolder(directory.path);
    await Authority.make(folder, 'hub.example.com', now);
    await chmod(join(directory.path, 'ca.key'), 0o640);
    await expect(Authority.open(folder)).rejects.toMatchObject({ code: 'secret_unreadable', message: /mode is 640/ });
  });

  test('that are not those of each other are refused', async () => {
    await using one = await temporaryDirectory();
    await using other = await temporaryDirectory();
    await Authority.make(new KeyFolder(one.path), 'a', now);
    await Authority.make(new KeyFolder(other.path), 'b', now);
    await copyFile(join(one.path, 'ca.crt'), join(other.path, 'ca.crt'));
    await expect(Authority.open(new KeyFolder(other.path))).rejects.toMatchObject({ code: 'secret_unreadable' });
  });
});

describe('the authority', () => {
  test('issues certificates that it, and nobody else, has signed', async () => {
    await using one = await temporaryDirectory();
    await using other = await temporaryDirectory();
    const authority = await Authority.make(new KeyFolder(one.path), 'hub.example.com', now);
    const stranger = await Authority.make(new KeyFolder(other.path), 'hub.example.com', now);
    const { certificate, key } = await authority.issueServer('hub.example.com', { from: now, until: now + year });
    const read = new X509Certificate(certificate);
    expect(read.checkHost('hub.example.com')).toBe('hub.example.com');
    expect(read.checkHost('evil.example.com')).toBeUndefined();
    expect(read.ca).toBe(false);
    expect(read.verify(new X509Certificate(authority.certificate).publicKey)).toBe(true);
    expect(read.verify(new X509Certificate(stranger.certificate).publicKey)).toBe(false);
    expect(read.publicKey.export({ type: 'spki', format: 'der' }).equals(publicHalf(key))).toBe(true);
    expect(Date.parse(read.validTo)).toBe(now + year);
    // Clocks that are behind by hours take it too.
    expect(Date.parse(read.validFrom)).toBeLessThanOrEqual(now - 12 * 60 * 60_000);
  });

  test('names servers by address where they have no name', async () => {
    await using directory = await temporaryDirectory();
    const authority = await Authority.make(new KeyFolder(directory.path), '127.0.0.1', now);
    for (const host of ['127.0.0.1', '[::1]']) {
      const { certificate } = await authority.issueServer(host, { from: now, until: now + year });
      expect(new X509Certificate(certificate).checkIP(host.replace(/[[\]]/g, ''))).toBeDefined();
    }
  });

  test('names clients by URN, for clients only', async () => {
    await using directory = await temporaryDirectory();
    const authority = await Authority.make(new KeyFolder(directory.path), 'hub', now);
    const pem = await authority.issue({
      publicKey: publicHalf(newKey()),
      commonName: 'lyon-1',
      names: [{ type: 'url', value: 'urn:waystation:pop:7' }],
      use: 'client',
      from: now,
      until: now + year,
    });
    const certificate = new X509Certificate(pem);
    expect(certificate.subjectAltName).toBe('URI:urn:waystation:pop:7');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  });
});
