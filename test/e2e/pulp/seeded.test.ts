import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import type { Dnf, DnfRepository } from '../../support/dnf.ts';
import { download } from '../../support/http-download.ts';
import type { Pop } from '../../support/pop.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import type { TemporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { published, pulpPop, repositoryIn, section, worked } from './pulp-pop.ts';

const carried = ['edge/base', 'edge/pinned', 'edge/lazy'];
const guarded = ['edge/guarded', 'edge/rbac', 'edge/cert'];

/** Nothing changes here; a poll each second of what Basic guards would keep Pulp busy with passwords. */
const rarely = { subscription: { refresh: '1h' } };

/** What Pulp labels for this PoP, as dnf sees it. */
describeWith([livePulp, ...dnfTools], 'a PoP with `select: pop=edge`', () => {
  let directory: TemporaryDirectory;
  let pulp: LivePulp;
  let pop: Pop;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    pulp = new LivePulp();
    pop = await pulpPop(pulp, { select: 'pop=edge', ...rarely });
    await published(pop, ...carried, 'edge/rbac');
  });
  afterAll(async () => {
    await pop[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  const signed = (path: string): DnfRepository => ({
    ...section(pop, path),
    gpgkey: `${pop.content}/content/${path}/repodata/repomd.xml.key`,
  });
  const names = async (dnf: Dnf): Promise<readonly string[]> => {
    const listed = worked(await dnf.repoquery('--queryformat=%{name}-%{version}'), pop);
    return listed.trim().split('\n').toSorted();
  };

  test('carries the whole selection, and says of what is guarded that it is', async () => {
    const status = await pop.status();
    expect(status.subscriptions[0]?.repositories.map(({ path }) => path).toSorted()).toEqual(
      [...carried, ...guarded].toSorted(),
    );
    for (const path of carried) expect(repositoryIn(status, path)).toMatchObject({ state: 'current', reason: null });
    // Of rbac the metadata can be read, of the others nothing: they are guarded all the same.
    for (const [path, kind] of Object.entries({ 'edge/rbac': 'rbac', 'edge/guarded': 'header', 'edge/cert': 'x509' })) {
      expect(repositoryIn(status, path)).toMatchObject({ state: 'guarded', reason: expect.stringContaining(kind) });
    }
  });

  test('lists, downloads and installs edge/base with both checks on', async () => {
    const dnf = await freshDnf(directory.path, [signed('edge/base')]);
    expect(await names(dnf)).toEqual([
      'edge-blob-1.0',
      'edge-hello-1.0',
      'edge-hello-1.1',
      'edge-needs-1.0',
      'edge-plain-1.0',
      'edge-ten-1.0',
    ]);
    worked(await dnf.download('edge-blob', 'edge-plain'), pop);
    worked(await dnf.install('edge-needs', 'edge-ten'), pop);
    const installed = await readdir(join(dnf.installroot, 'usr/share/fixtures'));
    expect(installed.toSorted()).toEqual(['edge-hello', 'edge-needs', 'edge-ten']);
  });

  test('lists and installs edge/pinned, which stays at its publication', async () => {
    const dnf = await freshDnf(directory.path, [signed('edge/pinned')]);
    expect(await names(dnf)).toEqual(['edge-blob-1.0', 'edge-hello-1.0', 'edge-plain-1.0', 'edge-ten-1.0']);
    worked(await dnf.install('edge-hello'), pop);
  });

  test('downloads from edge/lazy what Pulp itself has yet to fetch', async () => {
    const dnf = await freshDnf(directory.path, [section(pop, 'edge/lazy')]);
    expect(await names(dnf)).toEqual(['edge-away-1.0', 'edge-far-1.0', 'edge-hello-1.0']);
    worked(await dnf.download('edge-far', 'edge-away', 'edge-hello'), pop);
    expect(await readdir(dnf.downloads)).toHaveLength(3);
  });

  test("is configured from the PoP's own .repo text, which names only the PoP", async () => {
    const text = (await download(pop.content, '/repo-files/corp.repo')).body.toString();
    expect(text).not.toContain(pulp.address.contentOrigin);
    expect(text).toContain('[edge-base]');
  });

  test.each(guarded)('refuses %s with 403 until the operator says who may read it', async (path) => {
    const answer = await download(pop.content, `/content/${path}/repodata/repomd.xml`);
    expect(answer.status).toBe(403);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ code: 'guarded_at_hub' });
  });

  test('a hub that answers a folder with a page of HTML is never taken for a file', async () => {
    const folder = await download(pop.content, '/content/edge/base/Packages/');
    expect(folder.body.toString()).not.toContain('Index of /pulp');
    const missing = await download(pop.content, '/content/edge/base/Packages/none.rpm');
    expect(missing.status).toBe(404);
  });
});

describeWith([livePulp, ...dnfTools], 'a PoP whose operator opens what the hub guards', () => {
  test('installs from edge/rbac by Basic, edge/guarded by its header, edge/cert by a certificate in a header', async () => {
    await using directory = await temporaryDirectory();
    const pulp = new LivePulp();
    const { header, certificate } = pulp.address.seeded;
    await using pop = await pulpPop(pulp, {
      ...rarely,
      select: 'guard',
      overrides: [{ path: 'edge/*', access: 'open' }],
      hub: {
        headers: { [header.name]: { file: 'entitlement' }, 'X-CLIENT-CERT': encodeURIComponent(certificate.cert) },
      },
    });
    await published(pop, ...guarded);
    for (const path of guarded) {
      const gpgkey = `${pop.content}/content/${path}/repodata/repomd.xml.key`;
      const dnf = await freshDnf(directory.path, [{ ...section(pop, path), gpgkey }]);
      worked(await dnf.install('edge-ten'), pop);
      expect(repositoryIn(await pop.status(), path)).toMatchObject({ state: 'current', reason: null });
    }
  });

  test('does not hand out through an open repository what only a guarded one brought', async () => {
    const pulp = new LivePulp();
    await using pop = await pulpPop(pulp, {
      ...rarely,
      select: 'q:name=edge-base OR name=edge-rbac',
      overrides: [{ path: 'edge/*', access: 'open' }],
    });
    await published(pop, 'edge/base', 'edge/rbac');
    const file = 'Packages/e/edge-blob-1.0-1.noarch.rpm';
    expect((await download(pop.content, `/content/edge/rbac/${file}`)).word).toBe('miss');
    await pop.held(`/content/edge/rbac/${file}`);
    expect((await download(pop.content, `/content/edge/rbac/${file}`)).word).toBe('hit');
    expect((await download(pop.content, `/content/edge/base/${file}`)).word).toBe('miss');
  });
});
