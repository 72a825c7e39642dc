import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Operators } from '../../hub/operators/operators.ts';
import { day, ground } from './fleet/fleet-ground.ts';

describe('an operator', () => {
  test('is known by a token until it ends, and only as a hash in the store', async () => {
    await using hub = await ground();
    const operators = new Operators(hub);
    const { record, text } = await operators.create({ name: 'ops', role: 'publisher', ttl: day, by: 'test' });
    expect(await new Operators(hub).identify(`${text}\n`)).toEqual({ id: record.id, name: 'ops', role: 'publisher' });
    const folder = join(hub.directory, 'store/private/operators');
    for (const name of await readdir(folder)) {
      const kept = await readFile(join(folder, name), 'utf8');
      expect(kept).not.toContain(text.slice(-43));
    }
    hub.clock.advance(day);
    await expect(operators.identify(text)).rejects.toMatchObject({
      code: 'unauthorized',
      message: /token of ops ended/,
    });
  });

  test('is refused by anything else, which is in no message', async () => {
    await using hub = await ground();
    const operators = new Operators(hub);
    const { record, text } = await operators.create({ name: 'ops', role: 'admin', ttl: day, by: 'test' });
    const other = `wso1_${record.id}_${'A'.repeat(43)}`;
    const unknown = `wso1_${'0'.repeat(16)}_${text.slice(-43)}`;
    for (const shown of ['', 'wst1_x', other, unknown, `${text}x`, text.replace('wso1', 'wso2'), `../${text}`]) {
      const error: unknown = await operators.identify(shown).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'unauthorized', message: expect.stringMatching(/^this token is not known/) });
    }
  });

  test('whose token was revoked is refused at once', async () => {
    await using hub = await ground();
    const operators = new Operators(hub);
    const { record, text } = await operators.create({ name: 'ops', role: 'viewer', ttl: day, by: 'test' });
    expect((await operators.revoke(record.id, 'alice'))?.revoked).toMatchObject({ by: 'alice' });
    await expect(operators.identify(text)).rejects.toThrow(/token of ops was revoked/);
    expect(await operators.revoke('0'.repeat(16), 'alice')).toBeNull();
    expect(await operators.revoke('../x', 'alice')).toBeNull();
  });

  test('has a name of the usual kind', async () => {
    await using hub = await ground();
    for (const name of ['', 'a b', 'Ops', 'x'.repeat(64)]) {
      const asked = { name, role: 'viewer', ttl: day, by: 'test' } as const;
      await expect(new Operators(hub).create(asked)).rejects.toMatchObject({ code: 'bad_request' });
    }
  });
});
