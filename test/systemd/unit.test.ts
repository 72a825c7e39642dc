import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { command } from '../support/command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, root, tool } from '../support/tools.ts';
import { runInContainer, type Results } from './container.ts';

const units = ['waystation.service', 'waystation-hub.service'];
const analyzed = [...units, 'waystation-hub-collect.service'];
const textOf = (unit: string): Promise<string> => readFile(join(import.meta.dirname, '../../systemd', unit), 'utf8');

describeWith([tool('systemd-analyze')], 'a unit, as systemd reads it', () => {
  /** The unit with the built executable in its place: nothing is installed on this machine. */
  const analyze = async (unit: string, ...words: readonly string[]): ReturnType<typeof command> => {
    await using directory = await temporaryDirectory();
    const file = join(directory.path, unit);
    const text = await textOf(unit);
    await writeFile(file, text.replace('/usr/bin/waystation', inject('builtProgram')));
    return await command('systemd-analyze', [...words, file]);
  };

  test.each(analyzed)('%s has nothing that systemd would warn about', async (unit) => {
    expect(await analyze(unit, 'verify')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(analyzed)('%s is exposed to no more than 1.5 of 10', async (unit) => {
    const { code, stdout } = await analyze(unit, 'security', '--offline=yes', '--threshold=15');
    expect(stdout).toContain('Overall exposure level');
    expect(code).toBe(0);
  });
});

describeWith([tool('systemd-analyze')], 'the timer of collections', () => {
  test('has nothing that systemd would warn about, and comes every day', async () => {
    await using directory = await temporaryDirectory();
    for (const unit of ['waystation-hub-collect.service', 'waystation-hub-collect.timer']) {
      const text = await textOf(unit);
      await writeFile(join(directory.path, unit), text.replace('/usr/bin/waystation', inject('builtProgram')));
    }
    const timer = join(directory.path, 'waystation-hub-collect.timer');
    expect(await command('systemd-analyze', ['verify', timer])).toEqual({ code: 0, stdout: '', stderr: '' });
    const { exitCodes } = await import('../../cli/exit-codes.ts');
    const service = await textOf('waystation-hub-collect.service');
    expect(service).toMatch(new RegExp(`^SuccessExitStatus=${exitCodes.tryAgain}$`, 'm'));
  });
});

describe.each(units)('%s and the program agree', (unit) => {
  test('systemd waits longer than the default of `drain` before it kills', async () => {
    const text = await textOf(unit);
    expect(Number(/^TimeoutStopSec=(\d+)s$/m.exec(text)?.[1])).toBeGreaterThan(60);
  });

  test('the codes of a wrong configuration and of wrong usage are not restarted', async () => {
    const { exitCodes } = await import('../../cli/exit-codes.ts');
    const text = await textOf(unit);
    expect(text).toMatch(new RegExp(`^RestartPreventExitStatus=${exitCodes.config} ${exitCodes.usage}$`, 'm'));
  });
});

describeWith(
  [root, tool('systemd-nspawn'), tool('curl'), tool('setpriv'), tool('python3')],
  'under a real systemd',
  () => {
    let results: Results;
    beforeAll(async () => {
      const directory = await temporaryDirectory();
      results = await runInContainer(directory.path, inject('builtProgram'));
      return () => directory[Symbol.asyncDispose]();
    });
    const code = async (name: string): Promise<number> => Number(await results.text(`${name}.code`));

    test('systemd/install.sh brings the service up as its own user, live when systemctl returns', async () => {
      expect([await code('install'), await results.text('install.out')]).toEqual([0, expect.any(String)]);
      expect(await results.properties('installed')).toMatchObject({ ActiveState: 'active', SubState: 'running' });
      expect(await results.text('live.out')).toBe('200');
    });

    test('the password comes from the credential store, and what it opens is served', async () => {
      const origin = join(import.meta.dirname, '../../demo/repository/repodata/repomd.xml');
      expect(await code('content')).toBe(0);
      expect(await results.text('repomd.xml')).toBe(await readFile(origin, 'utf8'));
    });

    test('it runs without privileges, behind a system call filter, and measures itself all the same', async () => {
      const status = await results.text('process.out');
      expect(status).toMatch(/^NoNewPrivs:\t1$/m);
      expect(status).toMatch(/^Seccomp:\t2$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^CapBnd:\t0+$/m);
      expect(status).not.toMatch(/^Uid:\t0\t/m);
      expect(await results.text('metrics.out')).toMatch(/process_resident_memory_bytes \d/);
    });

    test('members of its group may use the admin socket, others may not', async () => {
      expect(await code('member')).toBe(0);
      expect(JSON.parse(await results.text('member.out'))).toMatchObject({ subscriptions: [{ name: 'site' }] });
      expect(await code('stranger')).not.toBe(0);
    });

    test('a service that stops beating is killed and started again', async () => {
      expect(await results.properties('restarted')).toMatchObject({ ActiveState: 'active', NRestarts: '1' });
      expect((await results.properties('restarted'))['MainPID']).not.toBe(
        (await results.properties('installed'))['MainPID'],
      );
      expect(await results.text('again.out')).toBe('200');
      expect(await results.text('journal.out')).toMatch(/waystation\.service: Watchdog timeout/);
    });

    test('an event loop that hangs is noticed by the watchdog', async () => {
      expect(await results.text('journal.out')).toMatch(/hanging\.service: Watchdog timeout/);
    });

    test('systemd/install-hub.sh makes a hub that is ready when systemctl returns, and may be run again', async () => {
      for (const name of ['hub-install', 'hub-again'])
        expect([await code(name), await results.text(`${name}.out`)]).toEqual([0, expect.stringMatching(/authority/)]);
      expect(await results.properties('hub-installed')).toMatchObject({ ActiveState: 'active', SubState: 'running' });
      expect(await results.text('hub-ready.out')).toBe('200');
      // By a name of its own authority, to whom no certificate is shown.
      expect(await results.text('hub-tls.out')).toBe('403');
      expect(await results.properties('hub-stopped')).toMatchObject({ ActiveState: 'inactive', Result: 'success' });
    });

    test('a hub runs without privileges; commands beside it and its socket are for its own user and group', async () => {
      const status = await results.text('hub-process.out');
      expect(status).toMatch(/^Seccomp:\t2$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).not.toMatch(/^Uid:\t0\t/m);
      expect(await results.text('hub-token.out')).toMatch(/^wst1_\S+\n$/);
      expect(JSON.parse(await results.text('hub-member.out'))).toMatchObject({ tokens: [{ state: 'good' }] });
      expect(await code('hub-stranger')).not.toBe(0);
    });

    test('it stops when it is told to', async () => {
      expect(await results.properties('stopped')).toMatchObject({
        ActiveState: 'inactive',
        Result: 'success',
        ExecMainStatus: '0',
      });
    });

    test('a wrong configuration is not tried again and again', async () => {
      expect(await results.properties('refused')).toMatchObject({
        ActiveState: 'failed',
        ExecMainStatus: '78',
        NRestarts: '0',
      });
      expect(await results.text('journal.out')).toMatch(/waystation\.yaml:\d+:\d+: .*nonsense/);
    });
  },
);
