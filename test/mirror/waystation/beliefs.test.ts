import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../base/digest.ts';
import { believe } from '../../../mirror/waystation/beliefs.ts';
import type { AssignmentAnswer } from '../../../protocol/assignment.ts';
import { signed } from '../../../protocol/signed.ts';
import type { PublicKeys } from '../../../protocol/signed.ts';

interface Signer {
  readonly id: string;
  readonly key: KeyObject;
  readonly published: PublicKeys['keys'][number];
}

function signer(id: string): Signer {
  const { privateKey: key } = generateKeyPairSync('ed25519');
  const x = String(createPublicKey(key).export({ format: 'jwk' }).x);
  return { id, key, published: { kid: id, alg: 'EdDSA', use: 'sig', kty: 'OKP', crv: 'Ed25519', x } };
}

const [old, young, stranger] = [signer('old'), signer('young'), signer('stranger')];
const times = { issued: '2026-11-30T12:00:00Z', expires: '2026-12-30T12:00:00Z' };

interface Said {
  readonly audience?: string;
  readonly epoch?: number;
  readonly sequence?: number;
  readonly by?: Signer;
  readonly keys?: readonly Signer[];
  readonly channel?: { sequence?: number; epoch?: number; name?: string; by?: Signer };
}

async function answer(said: Said = {}): Promise<AssignmentAnswer> {
  const { audience = 'me', epoch = 1, sequence = 5, by = old, keys = [old], channel = {} } = said;
  const assignment = { format: 1, audience, epoch, sequence, ...times, channels: ['prod'], policy: null };
  const published = { keys: keys.map((key) => key.published) };
  const pointer = { format: 1, channel: channel.name ?? 'prod', epoch: channel.epoch ?? epoch };
  const target = { snapshot: 'one', content: digestOf('one'), by: 'somebody', why: null };
  return {
    assignment: await signed('assignment', { ...assignment, deny: [], heartbeat: 30, keys: published }, by),
    channels: {
      prod: await signed(
        'channel',
        { ...pointer, sequence: channel.sequence ?? 3, ...times, ...target },
        channel.by ?? by,
      ),
      unassigned: 'what is not assigned is not looked at',
    },
  };
}

const known = { id: 'me', keys: { keys: [old.published] }, epoch: 1 };
const seen = { format: 1, epochs: { 1: { assignment: 5, channels: { prod: 3 } } } } as const;

describe('an answer of a hub', () => {
  test('is believed when it is as new as what was seen, and remembered', async () => {
    const { assignment, channels, seen: after } = await believe(await answer({ sequence: 6 }), known, seen);
    expect([assignment.sequence, [...channels.keys()]]).toEqual([6, ['prod']]);
    expect(after.epochs['1']).toEqual({ assignment: 6, channels: { prod: 3 } });
    expect((await believe(await answer(), known, seen)).seen).toEqual(seen);
  });

  test.each<[string, Said, string]>([
    ['is for another PoP', { audience: 'you' }, 'untrusted'],
    ['is signed by nobody known', { by: stranger, keys: [stranger] }, 'untrusted'],
    ['is signed by a key that it brings itself', { by: young, keys: [old, young] }, 'untrusted'],
    ['is older than what was seen', { sequence: 4 }, 'replayed'],
    ['is of another epoch', { epoch: 2, sequence: 9 }, 'epoch_changed'],
  ])('that %s is refused as a whole', async (_, said, code) => {
    await expect(believe(await answer(said), known, seen)).rejects.toMatchObject({ code });
  });

  test.each<[string, Said['channel'], string]>([
    ['is older than what was seen', { sequence: 2 }, 'replayed'],
    ['is signed by nobody known', { by: stranger }, 'untrusted'],
    ['is another one', { name: 'staging' }, 'untrusted'],
    ['is of another epoch', { epoch: 2 }, 'epoch_changed'],
  ])('with a channel that %s is believed without it', async (_, channel, code) => {
    const believed = await believe(await answer({ channel: channel ?? {} }), known, seen);
    expect(believed.channels.get('prod')).toMatchObject({ code });
    // What was refused is not what was seen.
    expect(believed.seen.epochs['1']?.channels).toEqual({ prod: 3 });
  });

  test('brings the next key before that signs anything, and then goes on by it', async () => {
    const introduced = await believe(await answer({ keys: [old, young], channel: { by: young } }), known, seen);
    expect(introduced.channels.get('prod')).toMatchObject({ snapshot: 'one' });
    const later = { ...known, keys: introduced.assignment.keys };
    const next = await believe(await answer({ by: young, keys: [young] }), later, seen);
    expect(next.assignment.keys.keys.map(({ kid }) => kid)).toEqual(['young']);
    // The old one is gone for good.
    const gone = { ...known, keys: next.assignment.keys };
    await expect(believe(await answer(), gone, seen)).rejects.toMatchObject({ code: 'untrusted' });
  });

  test('of a first epoch is believed whatever it is, and each epoch has numbers of its own', async () => {
    const first = await believe(await answer({ epoch: 7, sequence: 1 }), { ...known, epoch: null }, seen);
    expect(first.seen.epochs).toEqual({ ...seen.epochs, 7: { assignment: 1, channels: { prod: 3 } } });
    const back = believe(await answer({ sequence: 4 }), { ...known, epoch: null }, first.seen);
    await expect(back).rejects.toMatchObject({ code: 'replayed' });
  });
});
