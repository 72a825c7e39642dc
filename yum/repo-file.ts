/** One section of a .repo file, as dnf and yum read it. */
export interface RepoSection {
  /** See `repoId`; characters that dnf refuses become `-`. */
  readonly id: string;
  /** For people. */
  readonly name: string;
  readonly baseurl: string;
  readonly gpgcheck: boolean;
  readonly gpgkeys: readonly string[];
  readonly repoGpgcheck: boolean;
  readonly enabled: boolean;
  /** dnf goes on with the other repositories when this one cannot be had. */
  readonly skipIfUnavailable: boolean;
}

/** The section id of a repository: its path with `/` as `-` (contract), and nothing that dnf refuses in an id. */
export function repoId(path: string): string {
  return path.replaceAll('/', '-').replace(/[^A-Za-z0-9._:-]/g, '-');
}

/** Writes the text of a .repo file. No value can end its line, so none can add a setting or a section. */
export function repoFile(sections: readonly RepoSection[]): string {
  return sections.map(section).join('\n');
}

function section(repository: RepoSection): string {
  const lines = [
    `[${repoId(repository.id)}]`,
    `name=${oneLine(repository.name)}`,
    `baseurl=${url(repository.baseurl)}`,
    `enabled=${flag(repository.enabled)}`,
    `gpgcheck=${flag(repository.gpgcheck)}`,
    `repo_gpgcheck=${flag(repository.repoGpgcheck)}`,
  ];
  if (repository.gpgkeys.length > 0) lines.push(`gpgkey=${repository.gpgkeys.map(url).join(' ')}`);
  if (repository.skipIfUnavailable) lines.push('skip_if_unavailable=1');
  return `${lines.join('\n')}\n`;
}

function flag(value: boolean): '0' | '1' {
  return value ? '1' : '0';
}

/** Control characters and line ends of any kind become spaces; an empty value would be no value. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim() || '-';
}

/** Spaces and commas separate values, `$` begins a variable of dnf: all are percent-encoded, as are line ends. */
function url(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Zl}\p{Zp},$]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
