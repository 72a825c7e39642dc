import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';

export const checkout = join(import.meta.dirname, '../..');

/** A module as written. */
export interface Source {
  /** Relative to the checkout. */
  readonly path: string;
  /** First part of the path; empty for a file at the top. */
  readonly folder: string;
  /** What it imports: `./` and a path relative to the checkout when that is a file of ours, else the specifier as it stands. */
  readonly imports: readonly string[];
  /** Names that it calls and member expressions, as written: `fetch`, `fs.createReadStream`, `process.env`. */
  readonly uses: ReadonlySet<string>;
  readonly lines: number;
}

/** Every file that git tracks or would take, and that is there. */
export function filesOfGit(pattern: string): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '--', pattern], {
    cwd: checkout,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return [...new Set(list.split('\0'))].filter((path) => path !== '' && existsSync(join(checkout, path))).sort();
}

/** Every TypeScript file found by walking the folders: git is not asked, so that the two can be compared. */
export function readSources(): Source[] {
  return globSync('**/*.ts', { cwd: checkout, exclude: ['node_modules', '**/node_modules', 'dist', '.demo'] })
    .sort()
    .map(readSource);
}

function readSource(path: string): Source {
  const text = readFileSync(join(checkout, path), 'utf8');
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`);
  const imports: string[] = [];
  const uses = new Set<string>();
  visit(program, (node) => {
    const specifier = importedBy(node);
    if (specifier !== null) imports.push(resolved(specifier, path));
    const used = node.type === 'CallExpression' ? node.callee : node.type === 'MemberExpression' ? node : undefined;
    if (used) uses.add(text.slice(used.start, used.end));
  });
  return {
    path,
    folder: path.includes('/') ? path.slice(0, path.indexOf('/')) : '',
    imports,
    uses,
    lines: text.split('\n').length - 1,
  };
}

/** What is read here of the syntax tree (ESTree with TypeScript's nodes). */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly source?: Node | null;
  readonly callee?: Node;
  readonly name?: string;
  readonly arguments?: readonly Node[];
  readonly value?: unknown;
}

function visit(value: unknown, each: (node: Node) => void): void {
  if (Array.isArray(value)) return value.forEach((element) => visit(element, each));
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value && typeof value.type === 'string') each(value as Node);
  Object.values(value).forEach((child) => visit(child, each));
}

/** The specifier of an import in any of its forms, types and `require` included; null when the node is none. */
function importedBy(node: Node): string | null {
  const importing = /^(Import|ExportNamed|ExportAll)Declaration$|^ImportExpression$|^TSImportType$/.test(node.type);
  const required = node.type === 'CallExpression' && node.callee?.name === 'require' ? node.arguments?.[0] : undefined;
  const source = importing ? node.source : required;
  if (!source) return null;
  // What is computed could come from anywhere; this stands for it and is in no table.
  return typeof source.value === 'string' ? source.value : '(computed)';
}

function resolved(specifier: string, path: string): string {
  return specifier.startsWith('.') ? `./${posix.join(posix.dirname(path), specifier)}` : specifier;
}
