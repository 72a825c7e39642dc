import { afterEach, beforeAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { download } from '../../support/http-download.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { published, pulpPop, repositoryIn, repositoryIs, section, worked } from './pulp-pop.ts';

describeWith([livePulp, ...dnfTools], 'a PoP whose Pulp goes away', () => {
  let pulp: LivePulp;
  beforeAll(() => {
    pulp = new LivePulp();
  });
  afterEach(async () => {
    await Promise.all([pulp.start('api'), pulp.start('content')]);
  });

  test('serves all it knows, also after a restart, says 403 still, and catches up when Pulp is back', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('away', [{ name: 'edge-hello' }, { name: 'edge-ten', bytes: 4000 }]);
    const fields = { repository: repository.pulp_href, pulp_labels: { suite: 'away' } };
    await pulp.distribution('away', fields);
    const [guard] = await pulp.rest.list('default:contentguards/core/rbac/?name=edge-rbac');
    await pulp.distribution('away-guarded', { ...fields, content_guard: guard?.pulp_href });
    await using pop = await pulpPop(pulp, { select: 'suite=away' });
    const before = repositoryIn(await published(pop, 'away', 'away-guarded'), 'away')?.repomd;
    const warm = await freshDnf(directory.path, [section(pop, 'away')]);
    worked(await warm.download('edge-hello'), pop);

    await Promise.all([pulp.stop('api'), pulp.stop('content')]);
    await pop.stop();
    await pop.launch();
    const fresh = await freshDnf(directory.path, [section(pop, 'away')]);
    worked(await fresh.download('edge-hello'), pop);
    expect((await download(pop.content, '/content/away/Packages/e/edge-ten-1.0-1.noarch.rpm')).status).toBe(504);
    expect((await download(pop.content, '/content/away/Packages/e/none-1.0-1.noarch.rpm')).status).toBe(404);
    expect((await download(pop.content, '/content/away-guarded/repodata/repomd.xml')).status).toBe(403);
    const status = await pop.until(({ state }) => state === 'disconnected');
    expect(status.subscriptions[0]?.repositories.map(({ path }) => path).toSorted()).toEqual(['away', 'away-guarded']);

    await Promise.all([pulp.start('api'), pulp.start('content')]);
    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    await repositoryIs(pop, 'away', (now) => now?.state === 'current' && now.repomd !== before);
    expect((await pop.until(({ state }) => state === 'connected')).subscriptions[0]?.hub.error).toBeNull();
  });

  test('goes on reading content it knows when only the API is gone', async () => {
    const repository = await pulp.repository('headless', [{ name: 'edge-hello' }]);
    await pulp.distribution('headless', { repository: repository.pulp_href, pulp_labels: { suite: 'headless' } });
    await using pop = await pulpPop(pulp, { select: 'suite=headless' });
    await published(pop, 'headless');
    await pulp.stop('api');
    const status = await pop.until(({ subscriptions }) => subscriptions[0]?.state === 'degraded');
    expect(status.subscriptions[0]?.hub.error).toMatchObject({ code: expect.stringMatching(/^upstream_/) });
    expect(repositoryIn(status, 'headless')).toMatchObject({ state: 'current' });
    expect((await download(pop.content, '/content/headless/Packages/e/edge-hello-1.0-1.noarch.rpm')).status).toBe(200);
  });

  test('does not believe the 404 of an on_demand package whose source refuses', async () => {
    const source = await pulp.rest.list('vendor:distributions/rpm/rpm/?name=src');
    const guard = await pulp.rest.create('vendor:contentguards/core/rbac/', { name: 'src-closed' });
    const repository = await pulp.lazyRepository('reluctant', [{ name: 'edge-reluctant', bytes: 100_000 }]);
    await pulp.distribution('reluctant', { repository: repository.pulp_href, pulp_labels: { suite: 'reluctant' } });
    await using pop = await pulpPop(pulp, { select: 'suite=reluctant' });
    await published(pop, 'reluctant');
    const file = 'Packages/e/edge-reluctant-1.0-1.noarch.rpm';
    await pulp.rest.patch(source[0]?.pulp_href ?? '', { content_guard: guard.pulp_href });
    expect((await fetch(pulp.contentUrl('reluctant') + file)).status).toBe(404);
    expect((await download(pop.content, `/content/reluctant/${file}`)).status).toBe(504);
    await pulp.rest.patch(source[0]?.pulp_href ?? '', { content_guard: null });
    expect((await fetch(pulp.contentUrl('reluctant') + file)).status).toBe(200);
    expect((await download(pop.content, `/content/reluctant/${file}`)).status).toBe(200);
  });
});

describeWith([livePulp], 'a PoP that is configured wrongly for its Pulp', () => {
  test.each([
    ['a wrong password', { password: 'wrong' }, /refuses user edge-reader: Invalid username\/password\./],
    ['a domain that there is not', { hub: { domain: 'nosuch' } }, /has it the domain nosuch\?/],
    ['a broken expression', { select: 'q:no sense' }, /Syntax error in expression/],
  ])('says so in its status and goes on asking: %s', async (_what, options, message) => {
    await using pop = await pulpPop(new LivePulp(), { select: 'pop=edge', ...options });
    const status = await pop.until(({ subscriptions }) => subscriptions[0]?.sync.error !== null);
    expect(status.subscriptions[0]?.sync.error?.message).toMatch(message);
  });

  test('a label that selects nothing is a subscription without repositories', async () => {
    await using pop = await pulpPop(new LivePulp(), { select: 'pop=nobody' });
    const status = await pop.until(({ state }) => state === 'connected');
    expect(status.subscriptions[0]).toMatchObject({ repositories: [], hub: { error: null } });
  });
});
