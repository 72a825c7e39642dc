import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command, type CommandResult } from '../support/command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/**
 * Runs a copy of the launcher beside a `node` that behaves like one that the loader refuses.
 * @param complaint what the loader says; null: nothing is installed at all
 */
async function launch(complaint: string | null, uname = ''): Promise<CommandResult> {
  await using directory = await temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  await mkdir(at('bin'));
  await copyFile(join(import.meta.dirname, '../../bin/pinned-node'), at('bin/pinned-node'));
  if (complaint !== null) {
    await mkdir(at('node_modules/.bin'), { recursive: true });
    await writeFile(at('node_modules/.bin/node'), `#!/bin/sh\necho '${complaint}' >&2\nexit 127\n`);
    await chmod(at('node_modules/.bin/node'), 0o755);
  }
  await mkdir(at('fake'));
  if (uname !== '') {
    await writeFile(at('fake/uname'), `#!/bin/sh\n${uname}\n`);
    await chmod(at('fake/uname'), 0o755);
  }
  return await command('sh', [at('bin/pinned-node'), '-e', '0'], {
    env: { PATH: `${at('fake')}:${process.env['PATH']}` },
  });
}

const loader = (library: string): string =>
  `node: error while loading shared libraries: ${library}: cannot open shared object file: No such file or directory`;

test('a missing libatomic is named with the commands that install it', async () => {
  const { code, stderr } = await launch(loader('libatomic.so.1'));
  expect(code).not.toBe(0);
  expect(stderr).toContain('libatomic.so.1');
  expect(stderr).toContain('apt-get install libatomic1');
  expect(stderr).toContain('dnf install libatomic');
});

test('a missing libstdc++ is named with the commands that install it', async () => {
  expect((await launch(loader('libstdc++.so.6'))).stderr).toContain('apt-get install libstdc++6');
});

test('an old C library is named as such', async () => {
  const complaint = 'node: /lib/libc.so.6: version GLIBC_2.28 not found (required by node)';
  expect((await launch(complaint)).stderr).toContain('glibc 2.28 or newer');
});

test('before npm ci it says so', async () => {
  expect((await launch(null)).stderr).toContain('npm ci');
});

test('a platform without a pinned Node is named', async () => {
  const { code, stderr } = await launch(null, 'case $1 in -s) echo Darwin ;; *) echo arm64 ;; esac');
  expect(code).not.toBe(0);
  expect(stderr).toContain('Darwin on arm64');
});

test('otherwise it becomes the pinned Node, arguments and exit status included', async () => {
  const launcher = join(import.meta.dirname, '../../bin/pinned-node');
  const seen = await command('sh', [
    launcher,
    '-e',
    'console.log(process.version, process.argv[1]); process.exit(3)',
    'a b',
  ]);
  expect(seen).toMatchObject({ code: 3, stdout: `${process.version} a b\n` });
});
