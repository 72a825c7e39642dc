import { beforeAll, expect, test } from 'vitest';
import { request } from 'undici';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { readerRoles } from '../../support/pulp/seed.ts';
import { describeWith } from '../../support/tools.ts';

/** What mirror/pulp/ relies on of Pulp's API. A Pulp that behaves otherwise shall be noticed here first. */
describeWith([livePulp], "Pulp's API", () => {
  let pulp: LivePulp;
  let reader: string;
  beforeAll(() => {
    pulp = new LivePulp();
    reader = basic(pulp.address.seeded.reader);
  });

  const ask = async (
    path: string,
    headers: Record<string, string> = {},
    method: 'GET' | 'POST' = 'GET',
  ): Promise<Answer> => {
    const answer = await request(`${pulp.address.apiOrigin}/pulp/${path}`, { method, headers });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const list = async (query: string, authorization = reader): Promise<Page> => {
    const answer = await ask(`default/api/v3/distributions/rpm/rpm/?${query}`, { authorization });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text) as Page;
  };

  test('the status needs no login and tells of domains and content', async () => {
    const answer = await ask('api/v3/status/');
    expect(JSON.parse(answer.text)).toMatchObject({
      domain_enabled: true,
      content_settings: { content_origin: pulp.address.contentOrigin, content_path_prefix: '/pulp/content/' },
    });
  });

  test('without a login, and with a wrong password or an unknown session, it is 401 with a reason in JSON', async () => {
    const path = 'default/api/v3/distributions/rpm/rpm/';
    const unknown = '{"detail":"Authentication credentials were not provided."}';
    expect(await ask(path)).toMatchObject({ status: 401, text: unknown });
    expect(await ask(path, { cookie: 'sessionid=gone' })).toMatchObject({ status: 401, text: unknown });
    expect(await ask(path, { authorization: basic({ username: 'edge-reader', password: 'wrong' }) })).toMatchObject({
      status: 401,
      text: '{"detail":"Invalid username/password."}',
    });
  });

  test('a domain that does not exist is 404, its login too', async () => {
    const headers = { authorization: reader };
    expect((await ask('nosuch/api/v3/distributions/rpm/rpm/', headers)).status).toBe(404);
    expect((await ask('nosuch/api/v3/login/', headers, 'POST')).status).toBe(404);
  });

  test('a login gives a cookie for fourteen days, which reads without a token', async () => {
    const login = await ask('default/api/v3/login/', { authorization: reader }, 'POST');
    expect(login.status).toBe(201);
    const session = [login.headers['set-cookie'] ?? []].flat().find((cookie) => cookie.startsWith('sessionid='));
    expect(session).toContain(`Max-Age=${14 * 24 * 3600};`);
    const cookie = session?.split(';')[0] ?? '';
    expect((await ask('default/api/v3/distributions/rpm/rpm/', { cookie })).status).toBe(200);
  });

  test('a user without roles sees an empty list, not a refusal', async () => {
    const stranger = { username: `stranger-${Date.now()}`, password: 'a-password-of-some-length' };
    const user = await pulp.rest.create('default:users/', stranger);
    expect((await list('fields=name', basic(stranger))).count).toBe(0);
    const [domain] = await pulp.rest.list('default:domains/?name=default');
    for (const role of readerRoles) {
      await pulp.rest.post(`${user.pulp_href}roles/`, { role, content_object: null, domain: domain?.pulp_href });
    }
    expect((await list('pulp_label_select=tier%3Dgold', basic(stranger))).count).toBe(1);
  });

  test.each([
    ['tier=gold', 1],
    ['guard', 3],
    ['pop=edge,guard=rbac', 1],
    ['pop=edge,tier', 1],
    ['pop=edge,tier=silver', 0],
  ])('the label selection %s finds %i', async (select, count) => {
    expect((await list(`pulp_label_select=${encodeURIComponent(select)}&fields=name`)).count).toBe(count);
  });

  test('a full expression is understood, a broken one and an unknown filter are refused with 400', async () => {
    const expression = encodeURIComponent('pulp_label_select="guard" AND NOT name=edge-rbac');
    const names = (await list(`q=${expression}&fields=name`)).results.map(({ name }) => name);
    expect(names.toSorted()).toEqual(['edge-cert', 'edge-guarded']);
    for (const query of ['q=no%20sense', 'pulp_last_updated__gt=2026-01-01']) {
      const answer = await ask(`default/api/v3/distributions/rpm/rpm/?${query}`, { authorization: reader });
      expect(answer.status).toBe(400);
    }
  });

  test('pages follow limit and offset in the order asked for, with the count of all', async () => {
    const query = 'pulp_label_select=guard&fields=name&ordering=pulp_created&limit=2';
    const [one, two] = [await list(query), await list(`${query}&offset=1`)];
    expect(one).toMatchObject({ count: 3, results: [{ name: 'edge-guarded' }, { name: 'edge-rbac' }] });
    expect(two).toMatchObject({ count: 3, results: [{ name: 'edge-rbac' }, { name: 'edge-cert' }] });
  });

  test('a new version does not move the distribution that follows the repository', async () => {
    const repository = await pulp.repository('facts-moving', [{ name: 'edge-hello' }]);
    const { pulp_href: href } = await pulp.distribution('facts-moving', { repository: repository.pulp_href });
    const before = await pulp.rest.get(href);
    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    expect(await pulp.rest.get(href)).toEqual(before);
    expect(before).toMatchObject({ no_content_change_since: null, base_url: pulp.contentUrl('facts-moving') });
  });

  test('a publication that is served can be deleted: the distribution then serves nothing', async () => {
    const repository = await pulp.repository('facts-deleted', [{ name: 'edge-hello' }]);
    const publication = (await pulp.publication(repository.pulp_href)).pulp_href;
    const { pulp_href: href } = await pulp.distribution('facts-deleted', { publication });
    await pulp.rest.delete(publication);
    expect(await pulp.rest.get(href)).toMatchObject({ publication: null, repository: null, repository_version: null });
  });

  test('a reader sees the names of no guards', async () => {
    const answer = await ask('default/api/v3/contentguards/?fields=pulp_href,name', { authorization: reader });
    expect(JSON.parse(answer.text)).toMatchObject({ count: 0 });
  });

  test('checkpoints are listed by the publication, newest first', async () => {
    const repository = await pulp.repository('facts-checkpoint', [{ name: 'edge-hello' }]);
    const made = await pulp.rest.create('default:publications/rpm/rpm/', {
      repository: repository.pulp_href,
      checkpoint: true,
    });
    const query = `repository=${repository.pulp_href}&checkpoint=true&ordering=-pulp_created&limit=1&fields=pulp_created`;
    const answer = await ask(`default/api/v3/publications/rpm/rpm/?${query}`, { authorization: reader });
    expect(JSON.parse(answer.text)).toMatchObject({ count: 1, results: [{ pulp_created: made['pulp_created'] }] });
  });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

interface Page {
  readonly count: number;
  readonly results: readonly { readonly name: string }[];
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
