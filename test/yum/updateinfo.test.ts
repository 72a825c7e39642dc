import { expect, test } from 'vitest';
import { readAdvisoryIds } from '../../yum/updateinfo.ts';

/** In pieces of a few bytes, so that every token is cut somewhere. */
async function* pieces(text: string, size = 7): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

test('the ids of advisories are read, each once, and no other ids', async () => {
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<!-- <update><id>in a comment</id></update> -->
<updates>
  <update type="security"><id> RHSA-2026:1 </id><references><reference id="CVE-1"/><id>deeper</id></references></update>
  <update><title>no id</title></update>
  <update><id/></update>
  <update><id>FEDORA-2026-\u00e4&amp;b</id><id>second</id></update>
  <update><id><![CDATA[RHSA-2026:1]]></id></update>
  <id>beside</id>
  <other><id>of something else</id></other>
</updates>`;
  expect([...(await readAdvisoryIds(pieces(text)))]).toEqual(['RHSA-2026:1', 'FEDORA-2026-\u00e4&b', 'second']);
  expect([...(await readAdvisoryIds(pieces('<updates/>')))]).toEqual([]);
});

test.each([
  '',
  '<metadata/>',
  '<updates><update>',
  '<html><body/></html>',
  'text',
  '<updates><update><id><b/></id></update></updates>',
])('%j is refused', async (text) => {
  await expect(readAdvisoryIds(pieces(text))).rejects.toMatchObject({ code: 'metadata_invalid' });
});

test('an error of the source comes through', async () => {
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield* pieces('<updates>');
    throw new Error('the disk');
  };
  await expect(readAdvisoryIds(broken())).rejects.toThrow('the disk');
});
