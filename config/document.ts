import type { Document, Node, YAMLError } from 'yaml';
import { LineCounter, isAlias, isMap, isPair, isScalar, isSeq, parseDocument } from 'yaml';
import type { Finding, KeyPath } from './problem.ts';
import type { Tree } from './tree.ts';
import { yamlMessage } from './yaml-message.ts';

/** Bounds against files that blow up (aliases of aliases) or never end. */
const bounds = { values: 100_000, depth: 32, problems: 100 } as const;

/** Offsets into the text: of the key (null for list items), and of the value. */
interface Offsets {
  readonly key: number | null;
  readonly value: number;
}

export interface ReadDocument {
  readonly root: Tree;
  readonly findings: readonly Finding[];
  /** Problems whose place is known only as an offset: those of the YAML syntax. */
  readonly syntax: readonly { readonly offset: number; readonly path: KeyPath; readonly message: string }[];
  /** False when the syntax is so wrong that nothing else can be said. */
  readonly sound: boolean;
  /** Line and column, from 1, of a finding: its own place, or that of the nearest value around it. */
  place(path: KeyPath, on: 'key' | 'value'): { line: number; column: number };
  placeOf(offset: number): { line: number; column: number };
}

/** Reads YAML (1.2 core) into plain values, and remembers where each of them stands. */
export function readDocument(text: string): ReadDocument {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'error', merge: false });
  const reader = new Reader(document);
  const root = reader.root();
  const problems = [...document.errors, ...document.warnings].slice(0, bounds.problems);
  const placeOf = (offset: number): { line: number; column: number } => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  return {
    root,
    findings: reader.findings,
    syntax: problems.map((error) => ({
      offset: error.pos[0],
      // Only here is the text at that place known to be a key; anywhere else it might be a secret.
      path: error.code === 'DUPLICATE_KEY' ? reader.pathAround(error.pos[0]) : [],
      message: yamlMessage(error),
    })),
    // A key given twice leaves the rest readable; anything else would bring problems that are none.
    sound: document.errors.every((error: YAMLError) => error.code === 'DUPLICATE_KEY'),
    placeOf,
    place: (path, on) => placeOf(reader.offset(path, on)),
  };
}

class Reader {
  readonly findings: Finding[] = [];
  readonly #document: Document.Parsed;
  readonly #offsets = new Map<string, Offsets>();
  #values = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  root(): Tree {
    const { contents } = this.#document;
    const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
    return isEmpty ? {} : this.#value(contents, [], null);
  }

  offset(path: KeyPath, on: 'key' | 'value'): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const offsets = this.#offsets.get(JSON.stringify(path.slice(0, length)));
      if (offsets !== undefined)
        return on === 'key' && length === path.length ? (offsets.key ?? offsets.value) : offsets.value;
    }
    return 0;
  }

  /** The innermost key whose pair holds the offset. */
  pathAround(offset: number): KeyPath {
    const path: (string | number)[] = [];
    let node: unknown = this.#document.contents;
    while (isMap(node) || isSeq(node)) {
      const index = node.items.findLastIndex((item) => (startOf(item) ?? Number.POSITIVE_INFINITY) <= offset);
      const item: unknown = node.items[index];
      if (item === undefined) break;
      path.push(isPair(item) && isScalar(item.key) ? String(item.key.value) : index);
      node = isPair(item) ? item.value : item;
    }
    return path;
  }

  #value(node: Node | null, path: KeyPath, key: number | null): Tree {
    this.#offsets.set(JSON.stringify(path), { key, value: node?.range?.[0] ?? key ?? 0 });
    this.#values += 1;
    if (path.length > bounds.depth) return this.#refused(path, `is nested deeper than ${bounds.depth} levels`);
    if (this.#values > bounds.values) {
      // Once is enough: every value after this one is over the bound too.
      if (this.#values > bounds.values + 1) return null;
      return this.#refused(path, `the file comes to more than ${bounds.values} values, aliases included`);
    }
    if (isAlias(node)) return this.#alias(node.resolve(this.#document), path, key);
    if (isMap(node)) return this.#map(node.items, path);
    if (isSeq(node)) return node.items.map((item, index) => this.#value(item as Node | null, [...path, index], null));
    return this.#scalar(isScalar(node) ? node.value : null, path);
  }

  #alias(target: Node | undefined, path: KeyPath, key: number | null): Tree {
    if (target === undefined) return this.#refused(path, 'is an alias (*) of an anchor (&) that is not there');
    const own = this.#offsets.get(JSON.stringify(path));
    const value = this.#value(target, path, key);
    if (own !== undefined) this.#offsets.set(JSON.stringify(path), own);
    return value;
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: KeyPath): Tree {
    const entries = items.flatMap(({ key, value }): [string, Tree][] => {
      const name = isScalar(key) && typeof key.value === 'string' ? key.value : null;
      const at = (isScalar(key) ? key.range?.[0] : undefined) ?? startOf(key) ?? null;
      // `__proto__` is no plain key in JavaScript, so nothing could be relied on to see it.
      if (name === null || name === '__proto__') {
        const place = [...path, name ?? '?'];
        this.#offsets.set(JSON.stringify(place), { key: at, value: at ?? 0 });
        this.findings.push({ path: place, on: 'key', message: 'is no key: keys are plain text' });
        return [];
      }
      return [[name, this.#value(value as Node | null, [...path, name], at)]];
    });
    return Object.fromEntries(entries);
  }

  #scalar(value: unknown, path: KeyPath): Tree {
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value as Tree;
    return this.#refused(path, 'is of a kind that no key takes');
  }

  #refused(path: KeyPath, message: string): null {
    this.findings.push({ path, message });
    return null;
  }
}

function startOf(item: unknown): number | undefined {
  const node = isPair(item) ? item.key : item;
  return (node as Node | null)?.range?.[0];
}
