import { expect, test } from 'vitest';
import { readModules } from '../../yum/modules.ts';
import type { Nevra } from '../../yum/nevra.ts';

async function* chunks(text: string | Buffer, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

const nevra = (name: string, evr: string, arch = 'x86_64'): Nevra => {
  const [, epoch = '0', version = '', release = ''] = /^(?:(\d+):)?(.*)-(.*)$/.exec(evr) ?? [];
  return { name, epoch, version, release, arch };
};

/** As libmodulemd writes it. */
const stream = (name: string, number: string, artifacts: readonly string[]): string => `---
document: modulemd
version: 2
data:
  name: ${name}
  stream: ${number}
  version: 8070020230306
  context: 9edba152
  summary: A module
  description: >-
    Text that looks like more of it:

    name: other
  license:
    module:
    - MIT
  xmd:
    data:
      stream: none
  profiles:
    common:
      rpms:
      - ${name}
  artifacts:
    rpms:
${artifacts.map((artifact) => `    - ${artifact}\n`).join('')}...
`;

const real = `${stream('nodejs', '"18"', ['nodejs-1:18.14.2-2.module+el8.x86_64', 'npm-0:9.5.0-1.module+el8.x86_64', 'nodejs-1:18.14.2-2.module+el8.src'])}---
document: modulemd-defaults
version: 1
data:
  module: nodejs
  stream: "10"
...
${stream('nodejs', '20', ['npm-0:9.5.0-1.module+el8.x86_64'])}${stream('perl', '5.30', ['perl-4:5.30.1-452.module+el8.x86_64'])}`;

test('artifacts belong to their streams, by name, epoch, version, release and architecture', async () => {
  const modules = await readModules(chunks(real));
  expect(modules.unusable).toBe(0);
  expect(modules.streamsOf(nevra('nodejs', '1:18.14.2-2.module+el8'))).toEqual(['nodejs:18']);
  expect(modules.streamsOf(nevra('nodejs', '1:18.14.2-2.module+el8', 'src'))).toEqual(['nodejs:18']);
  expect(modules.streamsOf(nevra('npm', '9.5.0-1.module+el8'))).toEqual(['nodejs:18', 'nodejs:20']);
  expect(modules.streamsOf(nevra('nodejs', '0:18.14.2-2.module+el8'))).toEqual([]);
  expect(modules.streamsOf(nevra('nodejs', '1:18.14.2-2.module+el8', 'aarch64'))).toEqual([]);
});

test('a stream is text: 5.30 is not 5.3', async () => {
  const modules = await readModules(chunks(real));
  expect(modules.streamsOf(nevra('perl', '4:5.30.1-452.module+el8'))).toEqual(['perl:5.30']);
});

test.each([
  ['flow style', '{document: modulemd, data: {name: m, stream: "1", artifacts: {rpms: ["a-0:1-1.noarch"]}}}'],
  ['JSON', '{"document": "modulemd", "data": {"name": "m", "stream": "1", "artifacts": {"rpms": ["a-0:1-1.noarch"]}}}'],
  [
    'quoted keys',
    `--- # comment\n'document': modulemd\n"data":\n    "name": m\n    stream: 1\n    'artifacts':\n        rpms: [a-0:1-1.noarch]`,
  ],
  [
    'aliases',
    'document: modulemd\nid: &id 1\ndata:\n  name: m\n  stream: *id\n  artifacts:\n    rpms:\n      - a-0:1-1.noarch',
  ],
  [
    'CRLF',
    'document: modulemd\r\ndata:\r\n  name: m\r\n  stream: 1\r\n  artifacts:\r\n    rpms:\r\n    - a-0:1-1.noarch',
  ],
  ['no epoch', 'document: modulemd\ndata:\n  name: m\n  stream: 1\n  artifacts:\n    rpms:\n    - a-1-1.noarch'],
])('%s is read as well', async (_, text) => {
  const modules = await readModules(chunks(text));
  expect([modules.unusable, modules.streamsOf(nevra('a', '1-1', 'noarch'))]).toEqual([0, ['m:1']]);
});

test('a document that is no YAML is counted, and the others are read', async () => {
  const modules = await readModules(chunks(`---\ndocument: modulemd\ndata: [\n${real}`));
  expect(modules.unusable).toBe(1);
  expect(modules.streamsOf(nevra('npm', '9.5.0-1.module+el8'))).toEqual(['nodejs:18', 'nodejs:20']);
});

test('what is not UTF-8 is refused', async () => {
  await expect(readModules(chunks(Buffer.from('---\nname: \xff\n', 'latin1')))).rejects.toMatchObject({
    code: 'metadata_invalid',
  });
});

test('a document without end is refused in bounded memory', async () => {
  const endless = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield Buffer.from('- '.repeat(500_000) + '\n');
  };
  await expect(readModules(endless())).rejects.toMatchObject({ code: 'metadata_too_large' });
});
