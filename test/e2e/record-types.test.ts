import { expect, test } from 'vitest';
import { digestOf } from '../../base/digest.ts';
import { FaultyOrigin } from '../support/faulty-origin.ts';
import { putRepository } from '../support/hand-made-repository.ts';
import { download } from '../support/http-download.ts';
import { Pop } from '../support/pop.ts';

/** What repositories list beside packages, with a text of its kind. */
const texts = {
  other: '<otherdata packages="0"/>',
  group: '<comps><group><id>core</id></group></comps>',
  group_gz: '<comps><group><id>core</id></group></comps> ',
  updateinfo: '<updates><update type="security"><id>EX-1</id></update></updates>',
  modules:
    '---\ndocument: modulemd\nversion: 2\ndata: { name: a, stream: "1", version: 1, context: c, arch: noarch }\n',
  productid: '-----BEGIN CERTIFICATE-----\n',
  prestodelta: `<prestodelta><newpackage name="a" epoch="0" version="2" release="1" arch="noarch"><delta oldepoch="0" oldversion="1" oldrelease="1"><filename>drpms/a-1_2.drpm</filename><sequence>a</sequence><size>5</size><checksum type="sha256">${digestOf('delta').slice(7)}</checksum></delta></newpackage></prestodelta>`,
  appstream: '<components/>',
  susedata: '<susedata packages="0"/>',
  'a-type-of-the-future': 'whatever it is',
};

test('records of every type are held by a full sync, and served when the upstream is gone', async () => {
  await using origin = await FaultyOrigin.start();
  const packages = { 'a-1.rpm': 'one', 'b-1.rpm': 'another' };
  const made = putRepository(origin, 'r', { packages, types: ['primary', 'filelists'], texts });
  origin.put('/r/drpms/a-1_2.drpm', 'delta');
  const repositories = [{ path: 'r', url: `${origin.url}r/` }];
  const subscription = { name: 'vendor', hub: { type: 'yum' }, refresh: '1h', policy: 'full', repositories };
  await using pop = await Pop.start({ config: { subscriptions: [subscription] } });
  await pop.published();
  await pop.looked();
  // A delta is an unlisted file: asked for once, and kept.
  const delta = '/content/r/drpms/a-1_2.drpm';
  expect(await download(pop.content, delta)).toMatchObject({ status: 200, word: 'unlisted-miss' });
  await pop.held(delta);
  await origin.stop();
  expect(made.records.map(({ type }) => type)).toEqual(['primary', 'filelists', ...Object.keys(texts)]);
  const digests = new Map(made.records.map(({ href, bytes }) => [href, digestOf(bytes)]));
  digests.set('repodata/repomd.xml', digestOf(made.repomd));
  for (const [href, content] of Object.entries(packages)) digests.set(href, digestOf(content));
  for (const [href, digest] of digests) {
    const answer = await download(pop.content, `/content/r/${href}`);
    expect([href, answer.status, digestOf(answer.body)]).toEqual([href, 200, digest]);
  }
  const again = await download(pop.content, delta);
  expect([again.status, again.body.toString()]).toEqual([200, 'delta']);
});
