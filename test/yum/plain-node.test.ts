import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';

/** `<metadata/>` and a line end, as `xz` compresses it. */
const xz = '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQALPG1ldGFkYXRhLz4KAMpqcJHeqgVeAAEkDKYY2NgftvN9AQAAAAAEWVo=';

const script = `
  import { decompress } from '../../yum/decompress.ts';
  import { readKeyFile } from '../../yum/key-file.ts';
  import { parseRepomd } from '../../yum/repomd.ts';
  const source = async function* () { yield Buffer.from('${xz}', 'base64'); };
  for await (const chunk of decompress(source(), { maxBytes: 100 })) process.stdout.write(chunk);
  process.stdout.write(await readKeyFile(Buffer.alloc(0)).catch(({ code }) => code));
  process.stdout.write(String(parseRepomd(Buffer.from('<repomd/>')).records.length));
`;

test('libraries load in plain Node too, which sees fewer exports of CommonJS than the test runner does', () => {
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(output).toBe('<metadata/>\nkey_unusable0');
});
