import { createReadStream } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExternalSolver } from '../../solver/external-solver.ts';
import type { InstalledPackage, SolverAnswer, SolverQuestion, SolverRepository } from '../../solver/question.ts';
import { parseInstalledList } from '../../yum/installed-list.ts';
import { parseRepomd } from '../../yum/repomd.ts';
import { succeed } from '../support/command.ts';
import { repositoryTools, signedRepository } from '../support/rpm-repository.ts';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary-directory.ts';
import { describeWith, tool } from '../support/tools.ts';

/** Processes of Python on a machine with much else to do. */
const patience = { timeout: 120_000 };

const os = [
  { name: 'solver-base' },
  { name: 'solver-library', version: '2.0', requires: ['solver-base'] },
  { name: 'solver-new', requires: ['solver-base'] },
];
const apps = [
  { name: 'solver-app', version: '1.0', requires: ['solver-library'] },
  { name: 'solver-app', version: '1.1', epoch: 1, requires: ['solver-library >= 2.0', 'solver-new'] },
  { name: 'solver-broken', requires: ['solver-nowhere'] },
  { name: 'solver-file', requires: ['/usr/share/fixtures/solver-base/version'] },
  { name: 'solver-foreign-user', version: '2.0', requires: ['solver-foreign = 7'] },
  { name: 'solver-foreign-user', version: '1.0' },
  { name: 'solver-eager', recommends: ['solver-base'] },
  { name: 'solver-successor', version: '2.0', obsoletes: ['solver-predecessor < 2.0'] },
];

/** Two streams of a module, the older of which is the default one, in the words of Fedora's modulemd. */
const modules = ['1', '2']
  .map(
    (stream) => `---
document: modulemd
version: 2
data:
  name: solver-module
  stream: "${stream}"
  version: 1
  context: aaaaaaaa
  arch: noarch
  summary: A module
  description: A module for tests
  license: { module: [MIT] }
  dependencies:
  - requires: { platform: [el9] }
  artifacts:
    rpms:
    - solver-modular-0:${stream}.0-1.noarch
...
`,
  )
  .concat(
    `---
document: modulemd-defaults
version: 1
data:
  module: solver-module
  stream: "1"
...
`,
  )
  .join('');

describeWith([...repositoryTools, tool('modifyrepo_c')], 'the solvers of the machine', () => {
  let directory: TemporaryDirectory;
  let withoutDnf: string;
  beforeAll(async () => {
    directory = await temporaryDirectory();
    const at = (name: string): string => join(directory.path, name);
    await signedRepository(at('os'), { packages: os, compression: 'zstd', signedMetadata: false });
    await signedRepository(at('apps'), { packages: apps, zchunk: true, simpleNames: true, signedMetadata: false });
    const streams = ['1.0', '2.0'].map((version) => ({ name: 'solver-modular', version }));
    await signedRepository(at('modular'), { packages: streams, signedMetadata: false });
    await writeFile(at('modules.yaml'), modules);
    await succeed('modifyrepo_c', ['--mdtype=modules', at('modules.yaml'), join(at('modular'), 'repodata')]);
    // A machine whose Python has libsolv and no dnf.
    withoutDnf = at('python3');
    await writeFile(withoutDnf, '#!/bin/sh\ncase "$3" in "import dnf"*) exit 1 ;; esac\nexec /usr/bin/python3 "$@"\n');
    await chmod(withoutDnf, 0o755);
  }, 300_000);
  afterAll(() => directory[Symbol.asyncDispose]());

  const repository = async (id: string): Promise<SolverRepository> => {
    const folder = join(directory.path, id);
    const { records } = parseRepomd(await readFile(join(folder, 'repodata/repomd.xml')));
    const read = (href: string) => (): AsyncIterable<Buffer> => createReadStream(join(folder, href));
    return { id, records: records.map((record) => ({ ...record, read: read(record.href) })) };
  };
  const solve = async (
    searchPath: readonly string[],
    asked: Partial<Omit<SolverQuestion, 'repositories'>>,
    ids: readonly string[] = ['os', 'apps'],
  ): Promise<SolverAnswer> => {
    const defaults = { arch: 'x86_64', packages: [], installed: [], modules: [], closure: [], weak: true };
    const repositories = await Promise.all(ids.map(repository));
    return new ExternalSolver(searchPath).solve({ ...defaults, ...asked, repositories }, new AbortController().signal);
  };
  const needed = ({ needs }: SolverAnswer): readonly string[] => needs.map(({ nevra }) => nevra).toSorted();
  const host = (...lines: string[]): readonly InstalledPackage[] => parseInstalledList(lines.join('\n'));

  const engines = [
    ['dnf', tool('dnf'), () => ['/usr/bin']],
    ['libsolv', tool('/usr/lib/python3/dist-packages/solv.py'), () => [directory.path]],
  ] as const;
  for (const [name, requirement, path] of engines)
    describeWith([requirement], name, () => {
      test(
        'what an empty host downloads: newest versions, and what they require, over repositories',
        patience,
        async () => {
          const answer = await solve(path(), { packages: ['solver-app', 'solver-file', 'solver-typo'] });
          expect(answer.solver).toContain(name);
          expect(needed(answer)).toEqual([
            'solver-app-1:1.1-1.noarch',
            'solver-base-1.0-1.noarch',
            'solver-file-1.0-1.noarch',
            'solver-library-2.0-1.noarch',
            'solver-new-1.0-1.noarch',
          ]);
          expect(answer.needs).toContainEqual({
            repository: 'apps',
            href: 'solver-app-1.1-1.noarch.rpm',
            nevra: 'solver-app-1:1.1-1.noarch',
          });
          expect([answer.unknown, answer.problems]).toEqual([['solver-typo'], []]);
        },
      );

      test('what cannot be installed is told, beside the rest', patience, async () => {
        const answer = await solve(path(), { packages: ['solver-broken', 'solver-library'] });
        expect(answer.problems.join('\n')).toContain('solver-nowhere');
        expect(needed(answer)).toEqual(['solver-base-1.0-1.noarch', 'solver-library-2.0-1.noarch']);
      });

      test('what a host downloads: its upgrade, what that requires anew, and what it has', patience, async () => {
        const installed = host('solver-app-1.0-1.noarch', 'solver-library-2.0-1.noarch', 'solver-base-1.0-1.noarch');
        const answer = await solve(path(), { installed });
        expect(needed(answer)).toEqual([
          'solver-app-1.0-1.noarch',
          'solver-app-1:1.1-1.noarch',
          'solver-base-1.0-1.noarch',
          'solver-library-2.0-1.noarch',
          'solver-new-1.0-1.noarch',
        ]);
        expect([answer.foreign, answer.problems]).toEqual([[], []]);
      });

      test('what is recommended counts unless it shall not', patience, async () => {
        const packages = ['solver-eager'];
        expect(needed(await solve(path(), { packages }))).toEqual([
          'solver-base-1.0-1.noarch',
          'solver-eager-1.0-1.noarch',
        ]);
        expect(needed(await solve(path(), { packages, weak: false }))).toEqual(['solver-eager-1.0-1.noarch']);
      });

      test('what takes the place of an installed package is part of the upgrade', patience, async () => {
        const answer = await solve(path(), { installed: host('solver-predecessor-1.0-1.noarch') });
        expect(needed(answer)).toEqual(['solver-successor-2.0-1.noarch']);
      });

      test('what nothing provides is told of the packages that are asked about', patience, async () => {
        const closure = ['solver-broken-1.0-1.noarch', 'solver-file-1.0-1.noarch', 'solver-app-1:1.1-1.noarch'];
        const answer = await solve(path(), { closure });
        expect(answer.unresolved).toEqual([{ nevra: 'solver-broken-1.0-1.noarch', requirement: 'solver-nowhere' }]);
        expect(answer.needs).toEqual([]);
      });

      test('what a host has from elsewhere counts for what requires it', patience, async () => {
        const installed = host('solver-foreign-7-1.x86_64', 'solver-foreign-user-1.0-1.noarch');
        const answer = await solve(path(), { installed });
        expect(needed(answer)).toEqual(['solver-foreign-user-1.0-1.noarch', 'solver-foreign-user-2.0-1.noarch']);
        expect([answer.foreign, answer.problems]).toEqual([['solver-foreign-7-1.x86_64'], []]);
      });
    });

  describeWith([tool('dnf')], 'dnf', () => {
    test("the machine's package database is not looked into: a sandbox may forbid to make one", patience, async () => {
      await using wrapped = await temporaryDirectory();
      const python = join(wrapped.path, 'python3');
      const looks = '[ ! -e "$HOME/.rpmdb" ] || { echo "it was looked into" >&2; exit 9; }';
      await writeFile(python, `#!/bin/sh\n/usr/bin/python3 "$@" || exit\n${looks}\n`);
      await chmod(python, 0o755);
      expect(needed(await solve([wrapped.path], { packages: ['solver-base'] }))).toEqual(['solver-base-1.0-1.noarch']);
    });
  });

  describeWith([tool('dnf')], 'module streams, by dnf', () => {
    const modular = (asked: Partial<SolverQuestion>): Promise<SolverAnswer> => solve(['/usr/bin'], asked, ['modular']);

    test('a package comes from the default stream, unless another one is enabled', patience, async () => {
      expect(needed(await modular({ packages: ['solver-modular'] }))).toEqual(['solver-modular-1.0-1.noarch']);
      const enabled = await modular({ packages: ['solver-modular'], modules: ['solver-module:2'] });
      expect(needed(enabled)).toEqual(['solver-modular-2.0-1.noarch']);
    });

    test('a host keeps the stream that it has packages of', patience, async () => {
      expect(needed(await modular({ installed: host('solver-modular-2.0-1.noarch') }))).toEqual([
        'solver-modular-2.0-1.noarch',
      ]);
    });
  });

  describeWith([tool('/usr/lib/python3/dist-packages/solv.py')], 'module streams, by libsolv', () => {
    test('that it knows none is said', patience, async () => {
      const answer = await solve([directory.path], { packages: ['solver-modular'] }, ['os', 'modular']);
      expect(answer.notes).toEqual([expect.stringContaining('no module streams')]);
    });
  });
});

describe('a machine that cannot solve', () => {
  const question: SolverQuestion = {
    repositories: [],
    arch: 'x86_64',
    packages: ['a'],
    installed: [],
    modules: [],
    closure: [],
    weak: true,
  };
  const { signal } = new AbortController();

  test('is told from one that can', async () => {
    await expect(new ExternalSolver(['/nonexistent']).solve(question, signal)).rejects.toMatchObject({
      code: 'solver_missing',
    });
  });

  test.each([
    ['says why at its end', 'echo oh >&2; echo no metadata >&2; exit 3', /no metadata/],
    ['answers what is no JSON', 'cat >/dev/null; echo hello', /no JSON/],
    ['answers something else', `cat >/dev/null; echo '{"solver": 7}'`, /not understood/],
  ])('and a solver that %s has failed', async (_, script, reason) => {
    await using directory = await temporaryDirectory();
    const python = join(directory.path, 'python3');
    await writeFile(python, `#!/bin/sh\ncase "$3" in "import dnf"*) exit 0 ;; esac\n${script}\n`);
    await chmod(python, 0o755);
    const error = await new ExternalSolver([directory.path]).solve(question, signal).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'solver_failed', message: expect.stringMatching(reason) });
  });
});
