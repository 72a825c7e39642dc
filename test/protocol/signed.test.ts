import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { PublicKeys } from '../../protocol/signed.ts';
import { signed, verified } from '../../protocol/signed.ts';

function signer(id: string): { id: string; key: KeyObject; public: PublicKeys['keys'][number] } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x } = publicKey.export({ format: 'jwk' });
  return {
    id,
    key: privateKey,
    public: { kid: id, alg: 'EdDSA', use: 'sig', kty: 'OKP', crv: 'Ed25519', x: String(x) },
  };
}

const schema = z.object({ sequence: z.int() });
const [old, current, stranger] = [signer('old'), signer('current'), signer('current')];
const keys: PublicKeys = { keys: [old.public, current.public] };

describe('a signed document', () => {
  test('is read as it was signed, by any key that is believed', async () => {
    for (const by of [old, current]) {
      const text = await signed('channel', { sequence: 7, later: 'ignored' }, by);
      expect(await verified(text, { kind: 'channel', keys, schema })).toEqual({ sequence: 7 });
    }
  });

  test('is refused when another key signed it under the same id', async () => {
    const text = await signed('channel', { sequence: 7 }, stranger);
    await expect(verified(text, { kind: 'channel', keys, schema })).rejects.toMatchObject({
      code: 'untrusted',
      message: /does not fit/,
    });
  });

  test('is refused when its key is not known', async () => {
    const text = await signed('channel', { sequence: 7 }, signer('other'));
    await expect(verified(text, { kind: 'channel', keys, schema })).rejects.toMatchObject({
      code: 'untrusted',
      message: /not known/,
    });
  });

  test('is refused as a document of another kind', async () => {
    const text = await signed('assignment', { sequence: 7 }, current);
    await expect(verified(text, { kind: 'channel', keys, schema })).rejects.toMatchObject({ code: 'untrusted' });
  });

  test('is refused with any byte changed', async () => {
    const text = await signed('channel', { sequence: 7 }, current);
    for (let at = 0; at < text.length; at += 1) {
      const other = text[at] === 'A' ? 'B' : 'A';
      const changed = text.slice(0, at) + other + text.slice(at + 1);
      // The last letter of a part may have bits that say nothing.
      const outcome = await verified(changed, { kind: 'channel', keys, schema }).catch(
        (error: unknown) => (error as { code: string }).code,
      );
      if (typeof outcome === 'string') expect(outcome).toBe('untrusted');
      else expect([text[at + 1] ?? '.', outcome]).toEqual(['.', { sequence: 7 }]);
    }
  });

  test('is refused when it is none, has no signature, or is signed in another way', async () => {
    const none = `${Buffer.from('{"alg":"none","typ":"waystation-channel+jws"}').toString('base64url')}.e30.`;
    const secret = await new CompactSign(Buffer.from('{"sequence":7}'))
      .setProtectedHeader({ alg: 'HS256', kid: 'current', typ: 'waystation-channel+jws' })
      .sign(Buffer.from(current.public.x, 'base64url'));
    for (const text of ['', 'a.b.c', '{}', none, secret])
      await expect(verified(text, { kind: 'channel', keys, schema }), text).rejects.toMatchObject({
        code: 'untrusted',
      });
    const wrong = await signed('channel', { sequence: 'seven' }, current);
    await expect(verified(wrong, { kind: 'channel', keys, schema })).rejects.toMatchObject({
      code: 'untrusted',
      message: /sequence/,
    });
  });
});
