import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { command, type CommandResult } from '../support/command.ts';
import { dnfTools } from '../support/dnf.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

const checkout = join(import.meta.dirname, '../..');

/** What `npm start` runs, and what it has printed once it says how to stop. */
async function startDemo(): Promise<{ demo: ChildProcessWithoutNullStreams; printed: string }> {
  const demo = spawn('sh', ['bin/pinned-node', 'demo/start.ts'], { cwd: checkout });
  let printed = '';
  let complaint = '';
  demo.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  for await (const text of demo.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    printed += text as string;
    if (printed.includes('Stop with Ctrl-C')) return { demo, printed };
  }
  throw new Error(`the demo ended early: ${complaint}`);
}

describeWith([...dnfTools, tool('curl')], 'the demo', () => {
  let directory: TemporaryDirectory;
  let demo: ChildProcessWithoutNullStreams;
  let printed: string;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    ({ demo, printed } = await startDemo());
  });
  afterAll(async () => {
    demo.kill('SIGKILL');
    await directory[Symbol.asyncDispose]();
  });

  /** Runs the printed line that begins like this, as a reader would paste it, but for where it may write. */
  const paste = (beginning: RegExp): Promise<CommandResult> => {
    const line =
      printed.split('\n').find((each) => beginning.test(each)) ?? `echo nothing printed like ${beginning}; false`;
    const own = line.replaceAll('/tmp/waystation-demo-root', join(directory.path, 'root'));
    return command('sh', ['-c', own], { env: { HOME: directory.path } });
  };
  const url = (path: string): string => `${/http:\S+(?=\/repo-files)/.exec(printed)?.[0]}${path}`;

  test('prints a .repo text that checks packages and metadata', () => {
    expect(printed).toMatch(/^ {2}\[demo-tools\]$/m);
    expect(printed).toMatch(/^ {2}gpgcheck=1$/m);
    // The key of the configuration and the one beside repomd.xml are one key, told once.
    expect(printed).toMatch(/^ {2}gpgkey=http:\S+\/keys\/demo\/1\.asc$/m);
  });

  test('the curl line misses first, then hits', async () => {
    expect((await paste(/^ +curl .*\.rpm$/)).stdout).toContain('waystation; fwd=miss');
    expect((await paste(/^ +curl .*\.rpm$/)).stdout).toContain('waystation; hit');
  });

  test('the dnf lines list and install', async () => {
    const listed = await paste(/^ +dnf .* repoquery$/);
    expect(listed.stdout).toContain('demo-snapshot-0:1.4^20260301git1a2b3c4-1.noarch');
    expect(await paste(/^ +dnf .* install /)).toMatchObject({ code: 0 });
    expect(existsSync(join(directory.path, 'root/usr/share/waystation-demo/demo-hello.txt'))).toBe(true);
  });

  test('every package arrives as it is committed, whatever its name', async () => {
    const names = ['demo-notes-c++-2.0~rc1-1.noarch.rpm', 'demo-snapshot-1.4^20260301git1a2b3c4-1.noarch.rpm'];
    for (const name of names) {
      const response = await fetch(url(`/content/demo/tools/Packages/${name}`));
      const committed = readFileSync(join(checkout, 'demo/repository/Packages', name));
      expect(Buffer.from(await response.arrayBuffer()).equals(committed)).toBe(true);
    }
  });

  test('the page is there', async () => {
    const response = await fetch(url('/'));
    expect(response.status).toBe(200);
    expect(await response.text()).toContain('demo/tools');
  });

  test('Ctrl-C ends all of it and leaves nothing behind', async () => {
    const folder = /The log is (\S+)\/waystation\.log/.exec(printed)?.[1] ?? '';
    expect(existsSync(folder)).toBe(true);
    const exit = once(demo, 'exit');
    demo.kill('SIGINT');
    expect(await exit).toEqual([0, null]);
    expect(existsSync(folder)).toBe(false);
    await expect(fetch(url('/'))).rejects.toThrow();
  });
});
