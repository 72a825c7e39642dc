import { beforeAll, expect, test } from 'vitest';
import { request } from 'undici';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { describeWith } from '../../support/tools.ts';

/** What the cache, origin/ and mirror/ rely on of Pulp's content app. */
describeWith([livePulp], "Pulp's content app", () => {
  let pulp: LivePulp;
  beforeAll(() => {
    pulp = new LivePulp();
  });

  const ask = async (url: string, headers: Record<string, string> = {}): Promise<Answer> => {
    const answer = await request(url, { headers });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, headers: answer.headers, bytes };
  };
  const file = (path: string, headers?: Record<string, string>): Promise<Answer> =>
    ask(pulp.contentUrl('edge/base') + path, headers);
  const blob = 'Packages/e/edge-blob-1.0-1.noarch.rpm';

  test('repomd.xml may not be kept unasked, and is asked for by its ETag', async () => {
    const answer = await file('repodata/repomd.xml');
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-cache' } });
    const etag = String(answer.headers.etag);
    expect((await file('repodata/repomd.xml', { 'if-none-match': etag })).status).toBe(304);
  });

  test('packages lie where the publication laid them, not under their bare names', async () => {
    expect((await file(blob)).status).toBe(200);
    expect((await file('edge-blob-1.0-1.noarch.rpm')).status).toBe(404);
  });

  test('one range is a part, several are refused', async () => {
    const one = await file(blob, { range: 'bytes=10-19' });
    expect(one).toMatchObject({ status: 206, headers: { 'content-range': expect.stringMatching(/^bytes 10-19\//) } });
    expect((await file(blob, { range: 'bytes=0-1,10-19' })).status).toBe(416);
  });

  test('a folder is a page of HTML', async () => {
    const answer = await file('Packages/');
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/html') } });
  });

  test('config.repo names the hub itself', async () => {
    expect((await file('config.repo')).bytes.toString()).toContain(`baseurl=${pulp.contentUrl('edge/base')}`);
  });

  test('an on_demand package first comes without a length, and its ETag changes although its bytes do not', async () => {
    const repository = await pulp.lazyRepository('facts-lazy', [{ name: 'edge-unfetched', bytes: 100_000 }]);
    await pulp.distribution('facts-lazy', { repository: repository.pulp_href });
    const url = `${pulp.contentUrl('facts-lazy')}Packages/e/edge-unfetched-1.0-1.noarch.rpm`;
    const first = await ask(url);
    expect(first.status).toBe(200);
    expect(first.headers['content-length']).toBeUndefined();
    const second = await ask(url);
    expect(second.headers['content-length']).toBe(String(first.bytes.length));
    expect(second.bytes.equals(first.bytes)).toBe(true);
    expect(second.headers.etag).not.toBe(first.headers.etag);
  });

  test('a distribution goes on serving the files of the publication before', async () => {
    const repository = await pulp.repository('facts-retained', [{ name: 'edge-hello' }]);
    await pulp.distribution('facts-retained', { repository: repository.pulp_href });
    const at = pulp.contentUrl('facts-retained');
    const repomd = async (): Promise<string> => (await ask(`${at}repodata/repomd.xml`)).bytes.toString();
    const primary = (xml: string): string => /href="(repodata\/[^"]*primary\.xml\.gz)"/.exec(xml)?.[1] ?? '';
    const before = primary(await repomd());
    expect((await ask(at + before)).status).toBe(200);
    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    expect(primary(await repomd())).not.toBe(before);
    expect((await ask(at + before)).status).toBe(200);
  });

  test('guards answer 403 until they see what they want, without a challenge', async () => {
    const { reader, header, certificate } = pulp.address.seeded;
    const keys: Record<string, Record<string, string>> = {
      'edge/guarded': { [header.name.toLowerCase()]: Buffer.from(header.value).toString('base64') },
      'edge/rbac': {
        authorization: `Basic ${Buffer.from(`${reader.username}:${reader.password}`).toString('base64')}`,
      },
      'edge/cert': { 'x-client-cert': encodeURIComponent(certificate.cert) },
    };
    for (const [path, headers] of Object.entries(keys)) {
      const url = `${pulp.contentUrl(path)}repodata/repomd.xml`;
      const refused = await ask(url);
      expect([path, refused.status, refused.headers['www-authenticate']]).toEqual([path, 403, undefined]);
      expect([path, (await ask(url, headers)).status]).toEqual([path, 200]);
    }
  });

  test('a checkpoint is served under its moment; the distribution itself has no metadata, the future neither', async () => {
    const repository = await pulp.repository('facts-moments', [{ name: 'edge-hello' }]);
    await pulp.distribution('facts-moments', { repository: repository.pulp_href, checkpoint: true });
    const made = await pulp.rest.create('default:publications/rpm/rpm/', {
      repository: repository.pulp_href,
      checkpoint: true,
    });
    const moment = String(made['pulp_created']).replace(/[-:]|\.\d+/g, '');
    const at = pulp.contentUrl('facts-moments');
    expect((await ask(`${at}${moment}/repodata/repomd.xml`)).status).toBe(200);
    expect((await ask(`${at}repodata/repomd.xml`)).status).toBe(404);
    expect((await ask(`${at}20990101T000000Z/repodata/repomd.xml`)).status).toBe(404);
  });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}
