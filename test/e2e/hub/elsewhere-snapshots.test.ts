import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../../support/command.ts';
import type { CommandResult } from '../../support/command.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { nevraOfFile, putRepository } from '../../support/hand-made-repository.ts';
import { numberedPackages } from '../../support/hub-directory.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { waystationProgram } from '../../support/pop.ts';

test(
  'what snapshots hold is compared, checked, said and retired elsewhere as on the hub',
  { timeout: 300_000 },
  async () => {
    await using process = await HubProcess.start({ gates: 'gates.yaml' });
    await using origin = await FaultyOrigin.start();
    const at = (name: string): string => join(process.directory, name);
    await writeFile(at('gates.yaml'), 'exec: [ { name: policy, command: [ /bin/false ] } ]\n');
    await writeFile(at('sources.yaml'), `repositories: [ { type: yum, path: base, url: '${origin.url}base/' } ]\n`);
    for (const version of [1, 2]) {
      const packages = numberedPackages(3, (index) => (index === 1 ? version : 1));
      putRepository(origin, 'base', { packages, nevra: nevraOfFile });
      const made = await process.run('snapshot', 'create', `week-${version}`, '--from', at('sources.yaml'));
      expect(made).toMatchObject({ code: 0 });
    }
    for (const role of ['viewer', 'publisher', 'admin']) {
      const made = await process.run('token', 'create', '--role', role, '--name', `the-${role}`, '--ttl', '1h');
      await writeFile(at(role), made.stdout, { mode: 0o600 });
    }
    const there = (role: string, ...words: readonly string[]): Promise<CommandResult> => {
      const [executable, ...more] = waystationProgram;
      const as = ['--hub', process.url, '--token-file', at(role), '--ca', at('keys/ca.crt')];
      return command(executable, [...more, 'hub', 'snapshot', ...words, ...as], {
        env: { WAYSTATION_CONFIG: '/nowhere' },
      });
    };

    const note = ['note', 'week-2', 'pkg1-2-1.noarch', '--text', 'needs a reboot'];
    expect(await there('publisher', ...note)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/the-publisher/),
    });
    const nosuch = await there('publisher', 'note', 'week-2', 'nosuch-1-1.noarch', '--text', 'x');
    expect([nosuch.code, nosuch.stderr]).toEqual([2, expect.stringMatching(/has no package nosuch-1-1.noarch/)]);
    const failed = await there('publisher', 'check', 'week-2');
    expect([failed.code, failed.stdout]).toEqual([1, expect.stringMatching(/exec:policy[^]*not passed\n$/)]);
    await writeFile(at('gates.yaml'), 'no-clash: {}\n');
    const passed = await there('publisher', 'check', 'week-2', '--channel', 'prod');
    expect([passed.code, passed.stdout]).toEqual([0, expect.stringMatching(/passed\n$/)]);
    const own = await there('publisher', 'check', 'week-2', '--gates', at('gates.yaml'));
    expect([own.code, own.stderr]).toEqual([2, expect.stringMatching(/--gates goes without --hub/)]);
    expect(await process.run('snapshot', 'check', 'week-1', '--gates', at('gates.yaml'))).toMatchObject({ code: 0 });

    for (const words of [
      ['diff', 'week-1', 'week-2'],
      ['diff', 'week-1', 'week-2', '--json'],
      ['notes', 'week-2'],
      ['notes', 'week-1', '--json'],
      ['report', 'week-2'],
      ['report', 'week-2', '--all', '--json'],
      ['notes', 'nosuch'],
    ]) {
      const [remote, local] = await Promise.all([there('viewer', ...words), process.run('snapshot', ...words)]);
      expect([words, remote]).toEqual([words, local]);
      expect(remote.code).toBe(words.includes('nosuch') ? 2 : 0);
    }
    const { reports } = JSON.parse((await there('viewer', 'report', 'week-2', '--all', '--json')).stdout);
    expect(reports).toMatchObject([
      { by: 'the-publisher', channel: 'prod', passed: true },
      { by: 'the-publisher', channel: null, passed: false },
    ]);

    for (const [role, ...words] of [
      ['viewer', ...note],
      ['viewer', 'check', 'week-2'],
      ['publisher', 'retire', 'week-1'],
    ] as const)
      expect((await there(role, ...words)).stderr).toMatch(/takes the role/);
    expect(await process.run('promote', 'prod', 'week-2')).toMatchObject({ code: 0 });
    expect((await there('admin', 'retire', 'week-2')).stderr).toMatch(/week-2 is not retired/);
    expect(await there('admin', 'retire', 'week-1', '--why', 'old')).toMatchObject({ code: 0 });
    const { audit } = JSON.parse((await process.run('audit', '--json')).stdout);
    expect(audit.at(-1)).toMatchObject({
      what: 'snapshot.retire',
      on: 'week-1',
      why: 'old',
      who: { name: 'the-admin' },
    });
  },
);
