import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { waystation } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function configured(directory: string): Promise<string> {
  const file = join(directory, 'hub.yaml');
  await writeFile(file, 'publicUrl: https://hub.example.com\nstore: { type: directory, path: store }\nkeys: keys\n');
  return file;
}

describe('waystation hub init', { timeout: 60_000 }, () => {
  test('makes keys and store, and says the same when it is run again', async () => {
    await using directory = await temporaryDirectory();
    const config = await configured(directory.path);
    const first = await waystation('hub', 'init', '--json', '--config', config);
    expect([first.code, first.stderr]).toEqual([0, '']);
    const made = JSON.parse(first.stdout);
    expect(made).toMatchObject({ store: join(directory.path, 'store'), keys: join(directory.path, 'keys') });
    expect(made.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    const again = await waystation('hub', 'init', '--json', '--config', config);
    expect(JSON.parse(again.stdout)).toEqual(made);
    const { keys } = JSON.parse(await readFile(join(directory.path, 'store/public/keys.json'), 'utf8'));
    expect(keys).toMatchObject([{ kid: made.signingKey, crv: 'Ed25519' }]);
    // Public halves only.
    expect(keys[0]).not.toHaveProperty('d');
  });

  test('begins a new epoch when the store was restored', async () => {
    await using directory = await temporaryDirectory();
    const config = await configured(directory.path);
    const epoch = async (...words: string[]): Promise<number> => {
      const { code, stdout, stderr } = await waystation('hub', 'init', '--json', ...words, '--config', config);
      expect([code, stderr]).toEqual([0, '']);
      return JSON.parse(stdout).epoch;
    };
    expect(await epoch()).toBe(1);
    const raised = await epoch('--restored');
    expect(raised).toBeGreaterThan(1_700_000_000);
    expect(await epoch()).toBe(raised);
    expect(await epoch('--restored')).toBeGreaterThan(raised);
    const { stdout } = await waystation('hub', 'audit', '--config', config);
    expect(stdout).toMatch(new RegExp(`hub.restored +epoch +${raised}`));
  });

  test('touches nothing of a folder that holds something else, and makes no keys for it', async () => {
    await using directory = await temporaryDirectory();
    const config = await configured(directory.path);
    await mkdir(join(directory.path, 'store'));
    await writeFile(join(directory.path, 'store', 'photo.jpg'), 'photo');
    const { code, stderr } = await waystation('hub', 'init', '--config', config);
    expect([code, stderr]).toEqual([1, "waystation: the store holds photo.jpg, and no FORMAT: it is not a hub's\n"]);
    await expect(access(join(directory.path, 'keys'))).rejects.toThrow('ENOENT');
  });
});
