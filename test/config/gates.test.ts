import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadGates } from '../../config/hub/gates.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function loaded(text: string): Promise<ReturnType<typeof loadGates>> {
  await using directory = await temporaryDirectory();
  await writeFile(join(directory.path, 'a.asc'), 'KEY A');
  await writeFile(join(directory.path, 'gates.yaml'), text);
  return loadGates(join(directory.path, 'gates.yaml'));
}

test('a gate that is not named is open; one that is has its defaults, its keys read', async () => {
  const open = {
    signedBy: null,
    changelog: null,
    noClash: null,
    noDowngrade: null,
    advisories: null,
    closure: null,
    jumps: null,
  };
  expect(await loaded('{}')).toEqual({ ...open, exec: [], waivers: [] });
  const text = [
    'signed-by: { keys: [ a.asc ] }',
    'changelog: { level: warning }',
    'closure: {}',
    'jumps: {}',
    'exec: [ { name: own, command: [ /bin/own, -v ], time: 5s } ]',
    'waivers: [ { gate: "exec:own", name: a, by: b, why: c, until: 2026-12-31 } ]',
  ].join('\n');
  expect(await loaded(text)).toEqual({
    ...open,
    signedBy: { level: 'error', keys: ['KEY A'] },
    changelog: { level: 'warning' },
    closure: { level: 'error', arch: 'x86_64' },
    jumps: { level: 'error', packages: 20, bytes: 50 },
    exec: [{ name: 'own', level: 'error', program: '/bin/own', words: ['-v'], time: 5_000 }],
    waivers: [{ gate: 'exec:own', name: 'a', by: 'b', why: 'c', until: '2026-12-31' }],
  });
});

test.each([
  ['nosuch: {}', /nosuch/],
  ['signed-by: {}', /keys/],
  ['signed-by: { keys: [ none.asc ] }', /none\.asc/],
  ['no-clash: { level: fatal }', /level/],
  ['exec: [ { name: own, command: [ own ] } ]', /absolute/],
  ['exec: [ { name: own, command: [] } ]', /program/],
  ['waivers: [ { gate: nosuch, name: a, by: b, why: c, until: 2026-12-31 } ]', /name of a gate/],
  ['waivers: [ { gate: closure, name: a, by: b, why: c, until: soon } ]', /date/],
  ['waivers: [ { gate: closure, name: a, by: b, why: c, until: 2026-13-31 } ]', /date/],
  ['waivers: [ { gate: closure, name: a, by: b, until: 2026-12-31 } ]', /why/],
])('what is wrong is said: %s', async (text, reason) => {
  await expect(loaded(text)).rejects.toThrow(reason);
});
