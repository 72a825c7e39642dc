import { expect, test } from 'vitest';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { nevraOfFile, putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';

const patience = { timeout: 300_000 };
const advisories = (...ids: string[]): { updateinfo: string } => ({
  updateinfo: `<updates>${ids.map((id) => `<update><id>${id}</id></update>`).join('')}</updates>`,
});

test(
  'two snapshots differ by packages, repositories and advisories, with what was said of them',
  patience,
  async () => {
    await using hub = await hubDirectory();
    const origin = await FaultyOrigin.start();
    const nevra = nevraOfFile;
    const base = { type: 'yum', path: 'base', url: `${origin.url}base/` };
    putRepository(origin, 'base', {
      packages: { ...numberedPackages(30, () => 1), 'p/gone-1-1.noarch.rpm': 'gone' },
      texts: advisories('A-1', 'A-2'),
      nevra,
    });
    putRepository(origin, 'old', { packages: { 'p/alone-1-1.noarch.rpm': 'alone' }, nevra });
    await hub.create('week-1', [base, { type: 'yum', path: 'old', url: `${origin.url}old/` }]);
    putRepository(origin, 'base', {
      packages: {
        ...numberedPackages(30, (index) => (index === 7 ? 2 : 1)),
        'p/pkg8-1-1.noarch.rpm': 'built anew',
        'p/new-1-1.noarch.rpm': 'new',
      },
      texts: advisories('A-2', 'A-3'),
      nevra,
    });
    await hub.create('week-2', [base]);
    await origin.stop();

    for (const [snapshot, name, text] of [
      ['week-2', 'new-1-1.noarch', 'slow at first start'],
      ['week-2', 'pkg7-2-1.noarch', 'needs a reboot'],
      ['week-2', 'pkg1-1-1.noarch', 'as ever'],
    ])
      expect(await hub.hub('snapshot', 'note', `${snapshot}`, `${name}`, '--text', `${text}`)).toMatchObject({
        code: 0,
      });
    expect(await hub.hub('snapshot', 'note', 'week-2', 'nosuch-1-1.noarch', '--text', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has no package nosuch-1-1.noarch/),
    });
    expect(await hub.hub('snapshot', 'note', 'week-2', 'new-1-1.noarch', '--text', ' ')).toMatchObject({ code: 2 });

    const found = JSON.parse((await hub.hub('snapshot', 'diff', 'week-1', 'week-2', '--json')).stdout);
    expect(found).toMatchObject({
      from: { name: 'week-1' },
      to: { name: 'week-2' },
      repositories: [
        {
          path: 'base',
          state: 'changed',
          packages: {
            added: ['new-1-1.noarch'],
            removed: ['gone-1-1.noarch'],
            changed: [{ name: 'pkg7', arch: 'noarch', from: ['1-1'], to: ['2-1'] }],
            rebuilt: ['pkg8-1-1.noarch'],
          },
          advisories: { gained: ['A-3'], lost: ['A-1'] },
          error: null,
        },
        { path: 'old', state: 'removed', packages: { removed: ['alone-1-1.noarch'] } },
      ],
    });
    expect(found.notes.map(({ nevra: of }: { nevra: string }) => of)).toEqual(['new-1-1.noarch', 'pkg7-2-1.noarch']);

    const text = await hub.hub('snapshot', 'diff', 'week-1', 'week-2');
    expect(text.code).toBe(0);
    for (const line of [
      '  + new-1-1.noarch',
      '  ~ pkg7.noarch 1-1 -> 2-1',
      '  - advisory A-1',
      'old (repository removed): 1 removed',
      '2 differ, 0 are the same',
    ])
      expect(text.stdout.split('\n')).toContain(line);
    expect(text.stdout).toMatch(/^note: new-1-1.noarch: slow at first start \(\S+, \d{4}-\d\d-\d\d\)$/m);

    const { notes } = JSON.parse((await hub.hub('snapshot', 'notes', 'week-2', '--json')).stdout);
    expect(notes.map(({ text: said }: { text: string }) => said)).toEqual([
      'slow at first start',
      'needs a reboot',
      'as ever',
    ]);
    expect((await hub.hub('snapshot', 'show', 'week-2')).stdout).toMatch(/note: pkg1-1-1.noarch: as ever/);
    expect(JSON.parse((await hub.hub('snapshot', 'show', 'week-2', '--json')).stdout).notes).toEqual(notes);
    expect(await hub.hub('snapshot', 'diff', 'week-1', 'nosuch')).toMatchObject({ code: 2 });
  },
);
