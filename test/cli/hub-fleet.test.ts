import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseToken } from '../../protocol/token.ts';
import { csrOf, fleetIn, from, popKeys } from '../hub/fleet/fleet-ground.ts';
import type { CommandResult } from '../support/command-line.ts';
import { waystation } from '../support/command-line.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type Hub = (...words: string[]) => Promise<CommandResult>;

async function freshHub(directory: string): Promise<Hub> {
  const config = join(directory, 'hub.yaml');
  const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
  await writeFile(config, `publicUrl: https://hub.example.com:8443\n${places}`);
  const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', config);
  expect(await hub('init')).toMatchObject({ code: 0 });
  return hub;
}

async function printed(hub: Hub, ...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await hub(...words);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
}

describe('the commands about PoPs', { timeout: 120_000 }, () => {
  test('make a token alone on a line, list and revoke it, and never show it again', async () => {
    await using directory = await temporaryDirectory();
    const hub = await freshHub(directory.path);
    const text = await printed(hub, 'token', 'create', '--label', 'site=lyon', '--uses', '2', '--ttl', '2h');
    expect(text).toMatch(/^wst1_\S+\n$/);
    const { url, ca, id, secret } = parseToken(text);
    expect(url).toBe('https://hub.example.com:8443');
    expect(await printed(hub, 'init')).toContain(`authority sha256:${ca}`);
    const listed = await printed(hub, 'token', 'list', '--json');
    expect(JSON.parse(listed).tokens).toMatchObject([
      { id, labels: { site: 'lyon' }, uses: 2, used: 0, state: 'good' },
    ]);
    expect(listed).not.toContain(secret);
    await printed(hub, 'token', 'revoke', id);
    expect(await printed(hub, 'token', 'list')).toMatch(new RegExp(`${id} +revoked`));
    const audit = JSON.parse(await printed(hub, 'audit', '--json')).audit as { what: string }[];
    expect(audit.map(({ what }) => what)).toEqual(['hub.init', 'token.create', 'token.revoke']);
    const since = await printed(hub, 'audit', '--since', '2999-01-01');
    expect(since).toBe('nothing was done\n');
  });

  test('make tokens for operators, whose secret is in no file', async () => {
    await using directory = await temporaryDirectory();
    const hub = await freshHub(directory.path);
    const text = await printed(hub, 'token', 'create', '--role', 'publisher', '--name', 'ops', '--ttl', '90d');
    expect(text).toMatch(/^wso1_\S+\n$/);
    expect(JSON.parse(await printed(hub, 'token', 'list', '--json')).operators).toMatchObject([
      { name: 'ops', role: 'publisher', state: 'good' },
    ]);
    const folder = join(directory.path, 'store/private/operators');
    for (const name of await readdir(folder))
      expect(await readFile(join(folder, name), 'utf8')).not.toContain(text.trim().slice(-43));
  });

  test.each([
    [['--uses', '0'], /--uses is a whole number/],
    [['--ttl', 'soon'], /--ttl is a duration/],
    [['--label', 'Site=x'], /Site=x is no label/],
    [['--role', 'admin', '--ttl', '1h'], /--role needs --name/],
    [['--role', 'admin', '--name', 'ops'], /--role needs --ttl/],
    [['--role', 'king', '--name', 'ops', '--ttl', '1h'], /--role is one of viewer, publisher, admin/],
    [['--name', 'ops'], /--name and --csr go with --role/],
  ])('refuse `token create %s`', async (words, message) => {
    await using directory = await temporaryDirectory();
    const { code, stdout, stderr } = await (await freshHub(directory.path))('token', 'create', ...words);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('show, label, rename and revoke a PoP', async () => {
    await using directory = await temporaryDirectory();
    const hub = await freshHub(directory.path);
    const token = (await printed(hub, 'token', 'create', '--label', 'site=lyon')).trim();
    const fleet = await fleetIn(directory.path);
    const csr = await csrOf(await popKeys());
    const { credentials } = await fleet.register({ token, csr, name: 'lyon-1' }, from);
    const { id } = credentials.pop;
    const list = async (): Promise<unknown> => JSON.parse(await printed(hub, 'pops', '--json')).pops;
    expect(await list()).toEqual([
      expect.objectContaining({
        id,
        name: 'lyon-1',
        labels: { site: 'lyon' },
        lastSeen: null,
        state: 'registered',
        version: null,
        channels: [],
      }),
    ]);
    await printed(hub, 'pops', 'label', 'lyon-1', 'ring=early', 'site-');
    await printed(hub, 'pops', 'rename', 'lyon-1', 'lyon-a');
    expect(await list()).toMatchObject([{ name: 'lyon-a', labels: { ring: 'early' } }]);
    expect(await printed(hub, 'pops', 'list')).toMatch(/lyon-a +registered +never .*ring=early/);
    expect(await printed(hub, 'pops', 'show', id)).toMatch(/from 192\.0\.2\.7/);
    await printed(hub, 'pops', 'revoke', 'lyon-a', '--why', 'it was sold');
    expect(await printed(hub, 'pops', 'show', 'lyon-a')).toMatch(/revoked: .*: it was sold/);
    expect(await list()).toMatchObject([{ name: 'lyon-a', state: 'revoked' }]);
    const unknown = await hub('pops', 'show', 'lyon-1');
    expect([unknown.code, unknown.stderr]).toEqual([2, 'waystation: no PoP has the name or id lyon-1\n']);
  });

  test('set assignments from a file, all or nothing, and show them', async () => {
    await using directory = await temporaryDirectory();
    const hub = await freshHub(directory.path);
    expect(await printed(hub, 'assign')).toBe('no assignments: every PoP may follow every channel\n');
    const file = join(directory.path, 'assignments.yaml');
    const digest = `sha256:${'a'.repeat(64)}`;
    await writeFile(
      file,
      `assignments:
  - { channels: [rhel9-prod] }
  - { select: { site: lyon }, channels: [beta], policy: "newest:2", deny: ["${digest}"], heartbeat: 1m }
`,
    );
    expect(await printed(hub, 'assign', '--from', file)).toBe(
      'every PoP: rhel9-prod\nsite=lyon: beta; policy newest:2; one file denied; a heartbeat every 60 s\n',
    );
    await writeFile(
      file,
      'assignments:\n  - { channels: [Bad Name] }\n  - { policy: some, heartbeat: 1500ms, deny: [x], nosuch: 1 }\n',
    );
    const refused = await hub('assign', '--from', file);
    expect(refused.code).toBe(78);
    expect(refused.stderr.split('\n').map((line) => line.replace(/^[^:]*:(\d+):\d+/, '$1'))).toEqual([
      '2: assignments.0.channels.0: must be the name of a channel',
      expect.stringMatching(/^3: assignments\.1\.(policy|nosuch)/),
      expect.stringMatching(/^3: assignments\.1/),
      expect.stringMatching(/^3: assignments\.1/),
      expect.stringMatching(/^3: assignments\.1/),
      '',
    ]);
    expect(await printed(hub, 'assign')).toMatch(/^every PoP: rhel9-prod\n/);
  });

  test('rotate the signing key, and retire one only when PoPs know another', async () => {
    await using directory = await temporaryDirectory();
    const hub = await freshHub(directory.path);
    const keys = async (): Promise<{ id: string; state: string }[]> =>
      JSON.parse(await printed(hub, 'keys', '--json')).keys;
    const [old] = await keys();
    expect(old?.state).toBe('signs');
    const token = (await printed(hub, 'token', 'create')).trim();
    await (await fleetIn(directory.path)).register({ token, csr: await csrOf(await popKeys()), name: 'lyon-1' }, from);
    await printed(hub, 'keys', 'rotate');
    expect((await keys()).map(({ state }) => state)).toEqual(['signs', 'will sign']);
    await printed(hub, 'keys', 'rotate', '--after', '0s');
    expect((await keys()).map(({ state }) => state)).toEqual(['believed', 'will sign', 'signs']);
    const refused = await hub('keys', 'retire', String(old?.id));
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/may not know it: lyon-1\. With --force/),
    ]);
    expect(await printed(hub, 'keys', 'retire', String(old?.id), '--force')).toMatch(/is believed no more/);
    expect((await keys()).map(({ state }) => state)).toEqual(['will sign', 'signs']);
    const audit = await printed(hub, 'audit');
    expect(audit).toMatch(/keys\.rotate[^]*keys\.rotate[^]*keys\.retire/);
  });
});
