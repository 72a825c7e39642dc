import { beforeAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { download } from '../../support/http-download.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { published, pulpPop, repositoryIn, repositoryIs, section, worked } from './pulp-pop.ts';

/** What happens at a PoP when the hub's owner changes something. Each test has a label of its own. */
describeWith([livePulp, ...dnfTools], 'a PoP that follows a Pulp which changes', () => {
  let pulp: LivePulp;
  beforeAll(() => {
    pulp = new LivePulp();
  });
  const labelled = (label: string): { pulp_labels: Record<string, string> } => ({ pulp_labels: { suite: label } });
  const repomd = (path: string): string => `/content/${path}/repodata/repomd.xml`;

  test('shows a new version within a refresh, and still serves a dnf that holds the old primary', async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('moving', [{ name: 'edge-hello' }, { name: 'edge-ten', bytes: 4000 }]);
    await pulp.distribution('moving', { repository: repository.pulp_href, ...labelled('moving') });
    await using pop = await pulpPop(pulp, { select: 'suite=moving' });
    await published(pop, 'moving');
    const old = await freshDnf(directory.path, [section(pop, 'moving')]);
    worked(await old.makecache(), pop);
    const before = repositoryIn(await pop.status(), 'moving')?.repomd;

    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    await repositoryIs(pop, 'moving', (now) => now?.state === 'current' && now.repomd !== before);
    const young = await freshDnf(directory.path, [section(pop, 'moving')]);
    expect((await young.repoquery('edge-hello')).stdout).toContain('edge-hello-0:1.1-1.noarch');
    expect(await old.run('--cacheonly', 'repoquery', 'edge-hello')).toMatchObject({
      stdout: expect.not.stringContaining('1.1'),
    });
    expect(
      await old.run('--setopt=metadata_expire=-1', 'download', `--destdir=${old.downloads}`, 'edge-hello-1.0'),
    ).toMatchObject({ code: 0 });
  });

  test('follows a renamed distribution where it is, and one that moved to its new path, the old one orphaned', async () => {
    const repository = await pulp.repository('nomad', [{ name: 'edge-hello' }]);
    const fields = { repository: repository.pulp_href, ...labelled('nomad') };
    const { pulp_href: href } = await pulp.distribution('nomad', fields);
    await using pop = await pulpPop(pulp, { select: 'suite=nomad' });
    await published(pop, 'nomad');

    await pulp.rest.patch(href, { name: 'nomad-renamed' });
    await pulp.rest.patch(href, { base_path: 'oasis' });
    const status = await repositoryIs(pop, 'oasis', (now) => now?.state === 'current');
    expect(repositoryIn(status, 'nomad')).toMatchObject({ state: 'orphaned' });
    expect((await download(pop.content, repomd('nomad'))).status).toBe(200);
    expect((await download(pop.content, repomd('oasis'))).status).toBe(200);
  });

  test('goes on serving what is deleted at the hub, as orphaned', async () => {
    const repository = await pulp.repository('mortal', [{ name: 'edge-hello' }]);
    const { pulp_href: href } = await pulp.distribution('mortal', {
      repository: repository.pulp_href,
      ...labelled('mortal'),
    });
    await using pop = await pulpPop(pulp, { select: 'suite=mortal' });
    await published(pop, 'mortal');
    const file = '/content/mortal/Packages/e/edge-hello-1.0-1.noarch.rpm';
    expect((await download(pop.content, file)).status).toBe(200);
    await pulp.rest.delete(href);
    await repositoryIs(pop, 'mortal', (now) => now?.state === 'orphaned');
    expect((await download(pop.content, repomd('mortal'))).status).toBe(200);
    expect((await download(pop.content, file)).word).toBe('hit');
  });

  test('deletes nothing when its user loses the roles, and takes up again when they are back', async () => {
    const repository = await pulp.repository('unseen', [{ name: 'edge-hello' }]);
    await pulp.distribution('unseen', { repository: repository.pulp_href, ...labelled('unseen') });
    const account = { username: 'edge-demoted', password: 'a-password-of-some-length' };
    const user = await pulp.rest.create('default:users/', account);
    const [domain] = await pulp.rest.list('default:domains/?name=default');
    const grant = { role: 'rpm.rpmdistribution_viewer', content_object: null, domain: domain?.pulp_href };
    const role = await pulp.rest.post(`${user.pulp_href}roles/`, grant);
    await using pop = await pulpPop(pulp, {
      select: 'suite=unseen',
      hub: { username: account.username },
      password: account.password,
    });
    await published(pop, 'unseen');
    await pulp.rest.delete(role.pulp_href);
    await repositoryIs(pop, 'unseen', (now) => now?.state === 'orphaned');
    expect((await download(pop.content, repomd('unseen'))).status).toBe(200);
    await pulp.rest.post(`${user.pulp_href}roles/`, grant);
    await repositoryIs(pop, 'unseen', (now) => now?.state === 'current');
  });

  test('closes a path at once when a guard appears there, and opens nothing when it goes', async () => {
    const repository = await pulp.repository('closing', [{ name: 'edge-hello' }]);
    const { pulp_href: href } = await pulp.distribution('closing', {
      repository: repository.pulp_href,
      ...labelled('closing'),
    });
    await using pop = await pulpPop(pulp, { select: 'suite=closing' });
    await published(pop, 'closing');
    expect((await download(pop.content, repomd('closing'))).status).toBe(200);
    const [guard] = await pulp.rest.list('default:contentguards/core/rbac/?name=edge-rbac');
    await pulp.rest.patch(href, { content_guard: guard?.pulp_href });
    await repositoryIs(pop, 'closing', (now) => now?.state === 'guarded');
    expect((await download(pop.content, repomd('closing'))).status).toBe(403);
    await pop.stop();
    await pop.launch();
    expect((await download(pop.content, repomd('closing'))).status).toBe(403);
    await pulp.rest.patch(href, { content_guard: null });
    const asked = (await pop.status()).subscriptions[0]?.checked;
    await pop.until(({ subscriptions }) => subscriptions[0]?.checked !== asked);
    expect((await download(pop.content, repomd('closing'))).status).toBe(403);
  });

  test('carries the newest checkpoint of a checkpoint distribution', async () => {
    const repository = await pulp.repository('moments', [{ name: 'edge-hello' }]);
    const checkpoint = { repository: repository.pulp_href, checkpoint: true };
    await pulp.distribution('moments', { ...checkpoint, ...labelled('moments') });
    await using pop = await pulpPop(pulp, { select: 'suite=moments' });
    await repositoryIs(pop, 'moments', (now) => now?.reason?.includes('no checkpoint yet') === true);
    await pulp.rest.create('default:publications/rpm/rpm/', checkpoint);
    const first = repositoryIn(await published(pop, 'moments'), 'moments')?.repomd;
    await pulp.publish(repository.pulp_href, [{ name: 'edge-hello', version: '1.1' }]);
    await pulp.rest.create('default:publications/rpm/rpm/', checkpoint);
    await repositoryIs(pop, 'moments', (now) => now?.state === 'current' && now.repomd !== first);
  });

  test('a distribution whose content is broken holds back none of the others', async () => {
    const good = await pulp.repository('sound', [{ name: 'edge-hello' }]);
    const broken = await pulp.repository('unpublished', []);
    const publication = (await pulp.publication(good.pulp_href)).pulp_href;
    await pulp.distribution('sound', { repository: good.pulp_href, ...labelled('mixed') });
    await pulp.distribution('broken', { repository: broken.pulp_href, ...labelled('mixed') });
    await pulp.distribution('emptied', { publication, ...labelled('mixed') });
    await using pop = await pulpPop(pulp, { select: 'suite=mixed' });
    await published(pop, 'sound', 'emptied');
    await pulp.publish(good.pulp_href, [{ name: 'edge-ten', bytes: 4000 }]);
    await pulp.rest.delete(publication);
    // A read by the list of the moment before finds a 404; the next list says why.
    const status = await repositoryIs(
      pop,
      'emptied',
      (now) => now?.state === 'behind' && now.reason?.includes('serves nothing') === true,
    );
    expect((await download(pop.content, repomd('emptied'))).status).toBe(200);
    expect(repositoryIn(status, 'broken')).toMatchObject({ state: 'pending' });
    const dnf = await repositoryIs(pop, 'sound', (now) => now?.state === 'current' && now.packages.listed === 2);
    expect(repositoryIn(dnf, 'sound')).toMatchObject({ state: 'current' });
  });
});
