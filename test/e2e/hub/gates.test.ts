import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { GateReport } from '../../../hub/gates/check.ts';
import { succeed } from '../../support/command.ts';
import type { CommandResult } from '../../support/command-line.ts';
import { waystation } from '../../support/command-line.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { repositoryTools, signedRepository } from '../../support/rpm-repository.ts';
import type { PackageRecipe } from '../../support/rpm-fixtures.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith, tool } from '../../support/tools.ts';

/** The organisation's own gate of the test: it objects to packages of a name, and says what it was given. */
const ownGate = `#!/usr/bin/env node
let text = '';
process.stdin.on('data', (chunk) => (text += chunk)).on('end', () => {
  const { snapshot, before, packages } = JSON.parse(text);
  const bad = packages.filter(({ nevra, new: fresh }) => fresh && nevra.startsWith('gate-forbidden'));
  const message = \`is forbidden in \${snapshot} after \${before}\`;
  console.log(JSON.stringify({ findings: bad.map(({ nevra }) => ({ subject: nevra, message })) }));
});
`;

const tools = [...repositoryTools, tool('rpmkeys'), tool('dnf'), tool('modifyrepo_c')];
/** Many commands, each a process of its own, on a machine with much else to do. */
const patience = { timeout: 300_000 };

describeWith(tools, 'gates of snapshots, on real packages', () => {
  test('what is wrong with a bundle stops it before its channel, unless it is waived', patience, async () => {
    await using directory = await temporaryDirectory();
    const at = (...names: string[]): string => join(directory.path, ...names);
    await using origin = await FaultyOrigin.start({ directory: at('origin') });
    const config = at('hub.yaml');
    const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\ngates: gates.yaml\n';
    await writeFile(config, `publicUrl: https://hub.example.com\n${places}`);
    const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', config);
    const publish = async (name: string, packages: readonly PackageRecipe[], advisories: string): Promise<void> => {
      const { key } = await signedRepository(at('origin', 'r'), { packages, signedMetadata: false });
      await writeFile(at('key.asc'), key);
      await writeFile(at('updateinfo.xml'), `<?xml version="1.0"?>\n<updates>${advisories}</updates>\n`);
      await succeed('modifyrepo_c', ['--mdtype=updateinfo', at('updateinfo.xml'), at('origin', 'r', 'repodata')]);
      expect(await hub('snapshot', 'create', name, '--from', at('sources.yaml'))).toMatchObject({ code: 0 });
    };
    await writeFile(
      at('sources.yaml'),
      JSON.stringify({ repositories: [{ type: 'yum', path: 'r', url: `${origin.url}r/` }] }),
    );
    await writeFile(at('own.mjs'), ownGate.replace('/usr/bin/env node', process.execPath));
    await chmod(at('own.mjs'), 0o755);
    const gates = {
      'signed-by': { keys: ['key.asc'] },
      changelog: { level: 'warning' },
      'no-clash': {},
      'no-downgrade': {},
      advisories: {},
      closure: {},
      jumps: { packages: 80, bytes: 1000 },
      exec: [{ name: 'policy', command: [at('own.mjs')] }],
    };
    await writeFile(at('gates.yaml'), JSON.stringify(gates));
    expect(await hub('init')).toMatchObject({ code: 0 });

    const sound = [
      { name: 'gate-base', changelog: true },
      { name: 'gate-tool', version: '2.0', requires: ['gate-base'] },
    ];
    await publish('week-1', sound, advisory('A-1', 'gate-tool', '2.0') + advisory('A-2', 'gate-base', '1.0'));
    const first = await hub('promote', 'prod', 'week-1');
    expect([first.code, first.stderr]).toEqual([0, 'warning: changelog: gate-tool-2.0-1.noarch has no changelog\n']);

    await publish(
      'week-2',
      [
        { name: 'gate-base', changelog: true, bytes: 100 },
        { name: 'gate-tool', version: '1.0' },
        { name: 'gate-broken', requires: ['gate-nowhere'] },
        { name: 'gate-forbidden' },
      ],
      advisory('A-1', 'gate-tool', '2.0'),
    );
    const refused = await hub('promote', 'prod', 'week-2');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/prod is as it was/);
    const checked = await hub('snapshot', 'check', 'week-2', '--channel', 'prod', '--json');
    expect(checked.code).toBe(1);
    const report = JSON.parse(checked.stdout) as GateReport;
    expect(report).toMatchObject({ before: 'week-1', passed: false, packages: { all: 4, new: 4 } });
    const errors = report.findings.filter(({ level }) => level === 'error');
    expect(errors.map(({ gate, subject, message }) => `${gate}: ${subject} ${message}`)).toEqual([
      'no-clash: gate-base-1.0-1.noarch is another file than in week-1',
      'no-downgrade: gate-tool-1.0-1.noarch is older than gate-tool-2.0-1.noarch, which r had before',
      'closure: gate-broken-1.0-1.noarch requires gate-nowhere, which nothing provides',
      'jumps: r had 2 packages and has 4 (+100.0 %)',
      'advisories: A-1 of r lost gate-tool-2.0-1.noarch',
      'advisories: A-2 of r lost gate-base-1.0-1.noarch',
      'exec:policy: gate-forbidden-1.0-1.noarch is forbidden in week-2 after week-1',
    ]);
    expect(JSON.parse((await hub('channels', 'prod', '--json')).stdout).channels[0].snapshot).toBe('week-1');
    const waivers = errors.map(({ gate, subject }) => ({
      gate,
      name: subject,
      by: 'alice',
      why: 'known',
      until: '9999-12-31',
    }));
    await writeFile(at('gates.yaml'), JSON.stringify({ ...gates, waivers }));
    const passed = await hub('promote', 'prod', 'week-2');
    expect(passed.code).toBe(0);
    expect(passed.stderr).toContain('waived: closure: gate-broken-1.0-1.noarch requires gate-nowhere');
    expect(passed.stderr).toContain('(by alice until 9999-12-31: known)');
  });

  test('a package without a signature, or by another key, is none of the keys', patience, async () => {
    await using directory = await temporaryDirectory();
    const at = (...names: string[]): string => join(directory.path, ...names);
    const { key } = await signedRepository(at('origin', 'r'), {
      packages: [{ name: 'gate-base' }, { name: 'gate-bare' }],
    });
    await succeed('rpmsign', ['--delsign', at('origin', 'r', 'gate-bare-1.0-1.noarch.rpm')]);
    await succeed('createrepo_c', ['--quiet', '--no-database', at('origin', 'r')]);
    await using origin = await FaultyOrigin.start({ directory: at('origin') });
    const config = at('hub.yaml');
    const places = 'store: { type: directory, path: store }\nkeys: keys\nstate: state\n';
    await writeFile(config, `publicUrl: https://hub.example.com\n${places}`);
    const hub = (...words: string[]): Promise<CommandResult> => waystation('hub', ...words, '--config', config);
    await writeFile(
      at('sources.yaml'),
      JSON.stringify({ repositories: [{ type: 'yum', path: 'r', url: `${origin.url}r/` }] }),
    );
    await writeFile(at('key.asc'), key);
    expect(await hub('init')).toMatchObject({ code: 0 });
    expect(await hub('snapshot', 'create', 'one', '--from', at('sources.yaml'))).toMatchObject({ code: 0 });
    expect(await hub('snapshot', 'check', 'one')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no gates/),
    });

    await writeFile(at('gates.yaml'), 'signed-by: { keys: [ key.asc ] }\n');
    const bare = await hub('snapshot', 'check', 'one', '--gates', at('gates.yaml'));
    expect(bare.code).toBe(1);
    expect(bare.stdout).toContain('error: signed-by: gate-bare-1.0-1.noarch is not signed by any of the keys');
    expect(bare.stdout).not.toContain('gate-base-1.0-1');

    const [other = ''] = await otherKey(directory.path);
    await writeFile(at('key.asc'), await readFile(other, 'utf8'));
    const foreign = await hub('snapshot', 'check', 'one', '--gates', at('gates.yaml'), '--json');
    expect((JSON.parse(foreign.stdout) as GateReport).findings.map(({ subject }) => subject)).toEqual([
      'gate-bare-1.0-1.noarch',
      'gate-base-1.0-1.noarch',
    ]);
    await writeFile(at('gates.yaml'), 'signed-by: { level: fatal, keys: [ key.asc ] }\nwaivers: [ { gate: x } ]\n');
    expect((await hub('snapshot', 'check', 'one', '--gates', at('gates.yaml'))).code).toBe(78);
  });
});

function advisory(id: string, name: string, version: string): string {
  const named = `name="${name}" version="${version}" release="1" epoch="0" arch="noarch"`;
  const list = `<pkglist><collection><package ${named}><filename>${name}.rpm</filename></package></collection></pkglist>`;
  return `<update type="bugfix"><id>${id}</id><title>t</title>${list}</update>`;
}

/** A public key that signed nothing. */
async function otherKey(directory: string): Promise<readonly string[]> {
  const home = join(directory, 'gnupg');
  await succeed('mkdir', ['-m', '700', home]);
  const gpg = ['--homedir', home, '--batch'];
  await succeed('gpg', [
    ...gpg,
    '--passphrase',
    '',
    '--quick-generate-key',
    'Other <o@example.com>',
    'rsa3072',
    'sign',
    'never',
  ]);
  const file = join(directory, 'other.asc');
  await writeFile(file, await succeed('gpg', [...gpg, '--armor', '--export']));
  await succeed('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
  return [file];
}
