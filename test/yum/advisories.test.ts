import { expect, test } from 'vitest';
import { securityFiles } from '../../yum/advisories.ts';

async function* chunks(text: string): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += 11) yield bytes.subarray(start, start + 11);
}

const advisory = (
  type: string,
  id: string,
  packages: string,
): string => `<update from="x" status="final" type="${type}">
  <id>${id}</id><title>filename</title><description>A <![CDATA[<package>]]> &amp; more</description>
  <references><reference href="https://example.com/" id="1" type="cve"/></references>
  <pkglist><collection short="s"><name>n</name>${packages}</collection></pkglist>
</update>`;

const document = (...advisories: readonly string[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<updates>${advisories.join('\n')}</updates>`;

test('the packages of security advisories are named by their files, those of others are not', async () => {
  const text = document(
    advisory(
      'security',
      'A',
      `<package name="openssl" version="3.0.7" release="25.el9" epoch="1" arch="x86_64" src="openssl.src.rpm">
        <filename>openssl-3.0.7-25.el9.x86_64.rpm</filename><sum type="sha256">ab</sum><reboot_suggested>1</reboot_suggested>
      </package>
      <package name="elsewhere" version="1" release="2" arch="noarch"><filename>Packages/e/else-where.rpm</filename></package>`,
    ),
    advisory(
      'bugfix',
      'B',
      '<package name="bash" version="5" release="1" arch="x86_64"><filename>bash.rpm</filename></package>',
    ),
    advisory('security', 'C', '<package name="nofile" version="1" release="1" arch="noarch"/>'),
  );
  expect([...(await securityFiles(chunks(text)))].toSorted()).toEqual([
    'else-where.rpm',
    'elsewhere-1-2.noarch.rpm',
    'nofile-1-1.noarch.rpm',
    'openssl-3.0.7-25.el9.x86_64.rpm',
  ]);
});

test('no advisories name nothing', async () => {
  expect((await securityFiles(chunks(document()))).size).toBe(0);
});

test.each([['<html></html>'], ['<other/>'], ['<updates>'], ['']])('%s is refused', async (text) => {
  await expect(securityFiles(chunks(text))).rejects.toMatchObject({ code: 'metadata_invalid' });
});
