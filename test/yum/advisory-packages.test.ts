import { expect, test } from 'vitest';
import { advisoryPackages } from '../../yum/advisory-packages.ts';

async function read(text: string, size = 7): Promise<Record<string, string[]>> {
  async function* pieces(): AsyncGenerator<Buffer> {
    const bytes = Buffer.from(text);
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
  }
  const found = await advisoryPackages(pieces());
  return Object.fromEntries([...found].map(([id, names]) => [id, [...names]]));
}

const named = (name: string): string => `<package name="${name}" version="1" release="2" epoch="3" arch="x86_64"/>`;
const update = (id: string, ...names: string[]): string =>
  `<update>${id}<references><reference id="not"/></references><pkglist><collection>${names.map(named).join('')}</collection></pkglist></update>`;

test('each advisory has the packages of all its collections, also when it comes twice, whatever stands around', async () => {
  const text = `<updates>${update('<id> A-1 </id>', 'a', 'b')}${update('<id>A-2</id>')}${update('', 'c')}${update('<id>A-1</id>', 'd')}</updates>`;
  expect(await read(text)).toEqual({ 'A-1': ['a-1-2.x86_64', 'b-1-2.x86_64', 'd-1-2.x86_64'], 'A-2': [] });
});

test('what is no updateinfo.xml is refused', async () => {
  await expect(read('<metadata/>')).rejects.toMatchObject({ code: 'metadata_invalid' });
  await expect(read('<updates>')).rejects.toMatchObject({ code: 'metadata_invalid' });
});
