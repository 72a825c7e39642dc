import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { systemCode } from '../base/errors.ts';
import type { ReadDocument } from './document.ts';
import { readDocument } from './document.ts';
import { findingsOf } from './issues.ts';
import type { Finding, Problem } from './problem.ts';
import { ConfigInvalidError, formatKey } from './problem.ts';
import type { Tree } from './tree.ts';

/** Bytes; some ten thousand repositories. */
const largest = 4 * 1024 * 1024;

/** What a configuration file has to keep to. */
export interface FileRules<Schema extends z.ZodType> {
  readonly schema: Schema;
  /** What has to hold between keys, and what is refused; asked of the file as it stands, right or wrong. */
  readonly findings: (root: Tree, directory: string) => readonly Finding[];
}

/**
 * The values of a YAML text, checked.
 * @param file for messages, and for what relative names are relative to.
 * @throws ConfigInvalidError with everything that is wrong, in the order of the file.
 */
export function checkedValues<Schema extends z.ZodType>(
  text: string,
  file: string,
  { schema, findings }: FileRules<Schema>,
): z.output<Schema> {
  const document = readDocument(text);
  if (!document.sound) throw new ConfigInvalidError(problemsOf(file, document, []));
  const parsed = schema.safeParse(document.root);
  const problems = problemsOf(file, document, [
    ...document.findings,
    ...(parsed.success ? [] : elsewhere(document.findings, findingsOf(parsed.error.issues, document.root))),
    ...findings(document.root, dirname(resolve(file))),
  ]);
  if (problems.length > 0 || !parsed.success) throw new ConfigInvalidError(problems);
  return parsed.data;
}

/** Without what follows from a value that could not be read at all. */
function elsewhere(unread: readonly Finding[], findings: readonly Finding[]): Finding[] {
  const keys = new Set(unread.map(({ path }) => formatKey(path)));
  return findings.filter(({ path }) => !keys.has(formatKey(path)));
}

/** All findings with their positions, sorted by these; one message for a key that has several of the same. */
function problemsOf(file: string, document: ReadDocument, findings: readonly Finding[]): Problem[] {
  const placed = [
    ...document.syntax.map(({ offset, path, message }) => ({ position: document.placeOf(offset), path, message })),
    ...findings.map(({ path, seen, on, message }) => ({
      position: document.place(seen ?? path, on ?? 'value'),
      path,
      message,
    })),
  ].map(({ position, path, message }) => ({ file, position, key: formatKey(path), message }));
  const once = new Map(placed.map((problem) => [JSON.stringify(problem), problem]));
  return [...once.values()].toSorted(
    (one, other) => one.position.line - other.position.line || one.position.column - other.position.column,
  );
}

/** The text of a configuration file. @throws ConfigInvalidError when it cannot be read. */
export function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(file));
  } catch (error) {
    throw new ConfigInvalidError([{ file, position: null, key: '', message: unreadable(error) }], { cause: error });
  }
}

function readBytes(file: string): Buffer {
  const descriptor = openSync(file, 'r');
  try {
    if (fstatSync(descriptor).size > largest) throw new RangeError(`is larger than ${largest} bytes`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unreadable(error: unknown): string {
  if (error instanceof RangeError) return error.message;
  const code = systemCode(error) ?? 'unknown';
  if (code === 'ENOENT') return 'does not exist; name the configuration file with --config or $WAYSTATION_CONFIG';
  return code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'is not UTF-8 text' : `cannot be read: ${code}`;
}
