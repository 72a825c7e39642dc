import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { Clock } from '../../base/clock.ts';
import { systemClock } from '../../base/clock.ts';
import { fileReference } from '../../config/file-reference.ts';
import { secretFile } from '../../config/secrets.ts';
import { ownDirectory } from './config-file.ts';

/** A clock that moves only when told. Wall time starts far enough ahead for files written now to count as settled. */
function steeredClock(): Clock & { advance(milliseconds: number): void } {
  let passed = 0;
  return {
    now: () => Date.now() + 3_600_000,
    monotonic: () => passed,
    sleep: systemClock.sleep,
    advance: (milliseconds) => {
      passed += milliseconds;
    },
  };
}

function reference(directory: string, credentialsDirectory: string | null = null): ReturnType<typeof fileReference> {
  return fileReference('pw', { directory, credentialsDirectory });
}

test('a secret is the text of its file without one line end', async () => {
  const directory = ownDirectory();
  for (const [written, expected] of [
    ['a b', 'a b'],
    ['x\n', 'x'],
    ['x\r\n', 'x'],
    ['x\n\n', 'x\n'],
    [' x ', ' x '],
    ['', ''],
    ['ü€', 'ü€'],
  ] as const) {
    writeFileSync(join(directory, 'pw'), written);
    expect(await secretFile(reference(directory)).read()).toBe(expected);
  }
});

test('credentials come before the file beside the configuration', async () => {
  const [directory, credentials] = [ownDirectory(), ownDirectory()];
  const clock = steeredClock();
  const secret = secretFile(reference(directory, credentials), clock);
  writeFileSync(join(directory, 'pw'), 'beside');
  expect(await secret.read()).toBe('beside');
  writeFileSync(join(credentials, 'pw'), 'credential');
  clock.advance(1000);
  expect(await secret.read()).toBe('credential');
  rmSync(join(credentials, 'pw'));
  clock.advance(1000);
  expect(await secret.read()).toBe('beside');
});

test('a rotated file is read again, but looked at no more than once a second', async () => {
  const directory = ownDirectory();
  const clock = steeredClock();
  const secret = secretFile(reference(directory), clock);
  writeFileSync(join(directory, 'pw'), 'first');
  expect(await secret.read()).toBe('first');
  writeFileSync(join(directory, 'new'), 'again');
  renameSync(join(directory, 'new'), join(directory, 'pw'));
  clock.advance(999);
  expect(await secret.read()).toBe('first');
  clock.advance(1);
  expect(await secret.read()).toBe('again');
});

test('a file of the same size and time is still seen to be another', async () => {
  const directory = ownDirectory();
  const clock = steeredClock();
  const file = join(directory, 'pw');
  const secret = secretFile(reference(directory), clock);
  writeFileSync(file, 'one');
  utimesSync(file, 1000, 1000);
  expect(await secret.read()).toBe('one');
  writeFileSync(file, 'two');
  utimesSync(file, 1000, 1000);
  clock.advance(1000);
  expect(await secret.read()).toBe('two');
});

test('a file so young that a second write could carry the same time is read again', async () => {
  // Linux gives this file another text at each read, and never another time or size.
  const file = '/proc/sys/kernel/random/uuid';
  const changed = statSync(file).ctimeMs;
  const steered = steeredClock();
  const textsAt = async (now: number): Promise<Set<string>> => {
    const secret = secretFile({ name: file, candidates: [file] }, { ...steered, now: () => now });
    const texts = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      texts.add(await secret.read());
      steered.advance(1000);
    }
    return texts;
  };
  expect((await textsAt(changed + 900)).size).toBe(3);
  expect((await textsAt(changed + 1100)).size).toBe(1);
});

test('a file that went away opens nothing any more, and works again when it is back', async () => {
  const directory = ownDirectory();
  const clock = steeredClock();
  const secret = secretFile(reference(directory), clock);
  writeFileSync(join(directory, 'pw'), 'x');
  expect(await secret.read()).toBe('x');
  rmSync(join(directory, 'pw'));
  clock.advance(1000);
  await expect(secret.read()).rejects.toMatchObject({ code: 'secret_unreadable' });
  await expect(secret.read()).rejects.toMatchObject({ code: 'secret_unreadable' });
  writeFileSync(join(directory, 'pw'), 'y');
  expect(await secret.read()).toBe('y');
});

test('who asks at the same time shares one look', async () => {
  const directory = ownDirectory();
  writeFileSync(join(directory, 'pw'), 'x');
  const secret = secretFile(reference(directory));
  expect(await Promise.all([secret.read(), secret.read(), secret.read()])).toEqual(['x', 'x', 'x']);
});

test('a missing file is named with every place that was looked at', async () => {
  const [directory, credentials] = [ownDirectory(), ownDirectory()];
  await expect(secretFile(reference(directory, credentials)).read()).rejects.toMatchObject({
    code: 'secret_unreadable',
    message: `secret file pw does not exist: looked for ${credentials}/pw and ${directory}/pw`,
  });
});

test('a directory, a pipe and a huge file are refused at once', async () => {
  const unreadable = async (make: (file: string) => void, reason: RegExp): Promise<void> => {
    const directory = ownDirectory();
    make(join(directory, 'pw'));
    const message = expect.stringMatching(reason) as unknown;
    await expect(secretFile(reference(directory)).read()).rejects.toMatchObject({ code: 'secret_unreadable', message });
  };
  await unreadable((file) => mkdirSync(file), /pw cannot be read: not a regular file$/);
  await unreadable((file) => execFileSync('mkfifo', [file]), /pw cannot be read: not a regular file$/);
  await unreadable(
    (file) => writeFileSync(file, 'hunter2'.repeat(200_000)),
    /pw cannot be read: larger than 1048576 bytes$/,
  );
});

test('a file that the system refuses to open is named with the reason', async () => {
  const directory = ownDirectory();
  symlinkSync('pw', join(directory, 'pw'));
  await expect(secretFile(reference(directory)).read()).rejects.toMatchObject({
    code: 'secret_unreadable',
    message: `secret file ${directory}/pw cannot be read: ELOOP`,
  });
});

test('printing a secret, in whatever way, shows nothing of it', async () => {
  const directory = ownDirectory();
  writeFileSync(join(directory, 'pw'), 'hunter2');
  const secret = secretFile(reference(directory));
  expect(await secret.read()).toBe('hunter2');
  const printed = [
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret, { depth: 9, showHidden: true }),
    format('%s %o %O %j', secret, secret, secret, secret),
    JSON.stringify(Object.entries(secret)),
  ];
  expect(printed.join()).not.toContain('hunter2');
  expect(printed[0]).toBe('[secret]');
});
