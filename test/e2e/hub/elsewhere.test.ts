import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { loadHubConfig } from '../../../config/hub/load.ts';
import { signed } from '../../../protocol/signed.ts';
import { contentOf } from '../../../protocol/snapshot.ts';
import { csrOf, popKeys } from '../../hub/fleet/fleet-ground.ts';
import { command } from '../../support/command.ts';
import type { CommandResult } from '../../support/command.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { waystationProgram } from '../../support/pop.ts';

/** Runs `waystation hub WORDS` without the hub's configuration. */
async function hub(...words: readonly string[]): Promise<CommandResult> {
  const [executable, ...more] = waystationProgram;
  return command(executable, [...more, 'hub', ...words], { env: { WAYSTATION_CONFIG: '/nowhere.yaml' } });
}

/** Time goes on between two commands. */
function ageless({ stdout, ...others }: CommandResult): CommandResult {
  return { ...others, stdout: stdout.replaceAll(/\d+ \w+ ago */g, 'AGO ') };
}

async function snapshot(process: HubProcess, name: string): Promise<void> {
  const { snapshots, keys } = await openHub(loadHubConfig(process.configFile));
  const content = contentOf({ policy: 'full', repositories: {} });
  const created = '2026-11-30T12:00:00.000Z';
  const document = { format: 1, name, created, policy: 'full', content, repositories: {} };
  await snapshots.add(name, await signed('snapshot', document, keys.signer));
}

describe('commands on a hub elsewhere', { timeout: 300_000 }, () => {
  test('do and say the same as on its own machine, as far as the role goes', async () => {
    await using process = await HubProcess.start();
    await snapshot(process, 'week-1');
    await snapshot(process, 'week-2');
    const [tokenFile, ca] = [join(process.directory, 'ci.token'), join(process.directory, 'keys', 'ca.crt')];
    const made = await process.run('token', 'create', '--role', 'publisher', '--name', 'ci', '--ttl', '1h');
    await writeFile(tokenFile, made.stdout, { mode: 0o600 });
    const there = ['--hub', process.url, '--token-file', tokenFile, '--ca', ca];

    for (const name of ['week-1', 'week-2'])
      expect(await hub('promote', 'prod', name, '--why', 'patch day', ...there)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`prod points to ${name}`),
      });
    expect(await hub('rollback', 'prod', ...there)).toMatchObject({ code: 0 });
    for (const words of [
      ['snapshot', 'list', '--json'],
      ['snapshot', 'show', 'week-1'],
      ['channels', '--json'],
      ['channels', 'prod'],
      ['pops', '--json'],
      ['token', 'list'],
      ['assign'],
      ['audit', '--json'],
    ]) {
      const [remote, local] = await Promise.all([hub(...words, ...there), process.run(...words)]);
      expect([words, ageless(remote)]).toEqual([words, ageless(local)]);
      expect(remote.code).toBe(0);
    }
    const denied = await hub('token', 'create', ...there);
    expect([denied.code, denied.stderr]).toEqual([1, expect.stringMatching(/takes the role admin/)]);
    const unknown = await hub('promote', 'prod', 'none', ...there);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringMatching(/no snapshot is called none/)]);
  });

  test('act by a certificate, for a key that never was at the hub, until it is revoked', async () => {
    await using process = await HubProcess.start();
    await snapshot(process, 'week-1');
    const at = (name: string): string => join(process.directory, name);
    const keys = await popKeys();
    const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
    await writeFile(at('ci.key'), `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`, {
      mode: 0o600,
    });
    await writeFile(at('ci.csr'), await csrOf(keys));
    const asked = ['--role', 'publisher', '--name', 'ci', '--ttl', '1h', '--csr', at('ci.csr')];
    const made = await process.run('token', 'create', ...asked);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/) });
    await writeFile(at('ci.crt'), made.stdout);
    const there = ['--hub', process.url, '--cert', at('ci.crt'), '--key', at('ci.key'), '--ca', at('keys/ca.crt')];
    expect(await hub('promote', 'prod', 'week-1', ...there)).toMatchObject({ code: 0 });
    expect((await hub('token', 'create', ...there)).stderr).toMatch(/takes the role admin/);
    const { stdout: listed } = await hub('token', 'list', ...there);
    const id = /([0-9a-f]{16}) .*publisher ci \(certificate\)/m.exec(listed)?.[1] ?? '';
    expect((await hub('audit', ...there)).stdout).toMatch(/operator ci \(.*channel\.promote/);
    expect(await process.run('token', 'revoke', id)).toMatchObject({ code: 0 });
    const refused = await hub('channels', ...there);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/certificate of ci was revoked/)]);
    const [otherKey, half] = [[...there, '--key', at('keys/ca.key')], there.slice(0, 4)];
    expect((await hub('channels', ...otherKey)).stderr).toMatch(/is not the key of/);
    expect((await hub('channels', ...half)).stderr).toMatch(/--hub needs --token-file, or --cert and --key/);
  });

  test('say what is wrong with the way there', async () => {
    await using process = await HubProcess.start();
    const [tokenFile, ca] = [join(process.directory, 'ci.token'), join(process.directory, 'keys', 'ca.crt')];
    await writeFile(tokenFile, 'wso1_nonsense\n');
    const cases: [readonly string[], RegExp][] = [
      [['--hub', process.url, '--token-file', tokenFile], /cannot show that it is the hub.*--ca/],
      [['--hub', process.url, '--token-file', tokenFile, '--ca', ca], /this token is not known/],
      [['--hub', process.url], /--hub needs --token-file/],
      [['--token-file', tokenFile], /go with --hub/],
      [['--hub', process.url.replace('https', 'http'), '--token-file', tokenFile], /https/],
      [['--hub', process.url, '--token-file', `${tokenFile}.not`], /cannot be read: ENOENT/],
      [['--hub', 'https://localhost:1', '--token-file', tokenFile, '--ca', ca], /no hub can be reached/],
    ];
    for (const [words, why] of cases) {
      const { code, stderr } = await hub('channels', ...words);
      expect([words, code, stderr]).toEqual([words, expect.toSatisfy((own) => own !== 0), expect.stringMatching(why)]);
      expect(stderr).not.toContain('wso1_nonsense');
    }
  });
});
