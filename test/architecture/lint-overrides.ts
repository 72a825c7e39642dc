import { folders, packages, withheld, type Folder } from './house.ts';

/** The per-folder part of .oxlintrc.json that says the same as the table: an editor then shows it while one types. */
export function lintOverrides(): object[] {
  return (Object.keys(folders) as Folder[]).map((folder) => ({
    files: [`${folder}/**`],
    rules: {
      'no-restricted-imports': ['error', { paths: [...(withheld[folder] ?? [])], patterns: patterns(folder) }],
    },
  }));
}

function patterns(folder: Folder): object[] {
  const allowed: readonly string[] = [folder, ...folders[folder]];
  const others = [...Object.keys(folders), 'test', 'demo', 'benchmarks'].filter((other) => !allowed.includes(other));
  const foreign = Object.entries(packages).filter(([, homes]) => !homes.includes(folder));
  return [
    {
      regex: `^(\\.\\./)+(${others.join('|')})/`,
      message: `${folder}/ may import ${folders[folder].join(', ') || 'nothing of ours'}.`,
    },
    {
      regex: `^(${foreign.map(([name]) => name).join('|')})(/|$)`,
      message: `That package has its own folders: test/architecture/house.ts.`,
    },
  ];
}
