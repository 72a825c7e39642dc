import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const checkout = join(import.meta.dirname, '../..');
const readme = readFileSync(join(checkout, 'README.md'), 'utf8');
/** The text below a heading, up to the next. */
const section = (heading: string): string => readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
const waystation = (...args: string[]): ReturnType<typeof command> =>
  command('sh', ['bin/pinned-node', 'cli/waystation.ts', ...args], { cwd: checkout });

test("the README's configuration is valid", async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'waystation.yaml');
  await writeFile(file, /```yaml\n(.*?)```/s.exec(readme)?.[1] ?? '');
  expect(await waystation('config', 'check', '--config', file)).toMatchObject({ code: 0, stderr: '' });
});

test("the README's table of keys says nothing that the full table does not", () => {
  const full = readFileSync(join(checkout, 'docs/configuration.md'), 'utf8');
  const rows = section('Configuration').matchAll(/^\| `([\w.[\]]+)`/gm);
  const keys = [...rows].map(([, key]) => key?.split('.').at(-1) ?? '');
  expect(keys).toContain('repoGpgCheck');
  expect(keys.filter((key) => !new RegExp(`\\b${key}\``).test(full))).toEqual([]);
});

test('every command of the README exists', async () => {
  const commands = [...section('Commands').matchAll(/^\| `([a-z]+)/gm)].map(([, name]) => name ?? '');
  expect(commands).toContain('status');
  for (const name of commands) expect(await waystation(name, '--help')).toMatchObject({ code: 0 });
});
