import { describe, expect, test } from 'vitest';
import { parseHubConfig } from '../../config/hub/load.ts';
import { ConfigInvalidError } from '../../config/problem.ts';

const least = 'publicUrl: https://hub.example.com:8443/\nstore: { type: directory, path: store }\n';

function problems(text: string): string[] {
  try {
    parseHubConfig(text, '/etc/hub/hub.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error;
    return error.problems.map(({ position, key, message }) => `${position?.line}: ${key}: ${message}`);
  }
}

describe("a hub's configuration", () => {
  test('has defaults, and takes relative paths as beside the file', () => {
    expect(parseHubConfig(least, '/etc/hub/hub.yaml')).toEqual({
      file: '/etc/hub/hub.yaml',
      listen: {
        api: { host: '0.0.0.0', port: 8443 },
        admin: { host: '127.0.0.1', port: 8444 },
        socket: '/var/lib/waystation-hub/hub.sock',
      },
      publicUrl: 'https://hub.example.com:8443',
      state: '/var/lib/waystation-hub',
      store: { type: 'directory', path: '/etc/hub/store' },
      gates: null,
      certificates: { life: 90 * 24 * 3_600_000 },
      keep: null,
      keys: '/etc/waystation-hub/keys',
    });
  });

  test('is refused with everything that is wrong, each with its line', () => {
    const text =
      'publicUrl: http://hub.example.com\nstore: { type: directory, path: /srv }\nkeys: /srv/keys\nnosuch: 1\n';
    expect(problems(text)).toEqual([
      '1: publicUrl: must begin with https: what PoPs are told is for them alone',
      '3: keys: must not lie in the store: the store never holds a secret',
      expect.stringMatching(/^4: nosuch: unknown key/),
    ]);
  });

  test('needs a store and a public URL', () => {
    expect(problems('state: /x\n')).toEqual([
      expect.stringMatching(/publicUrl: is missing/),
      expect.stringMatching(/store: is missing/),
    ]);
  });

  test('does not let the keys lie in the store by default either', () => {
    expect(problems('publicUrl: https://h\nstore: { type: directory, path: / }\n')).toEqual([
      expect.stringMatching(/keys: must not lie in the store/),
    ]);
  });

  test('says that a bucket is not built yet', () => {
    expect(problems('publicUrl: https://h\nstore: { type: s3, bucket: content }\n')).toEqual([
      '2: store.type: not built yet: a store in S3 (not_built)',
    ]);
  });
});
