import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemCode } from '../base/errors.ts';
import type { Config } from './config.ts';
import type { ReadDocument } from './document.ts';
import { readDocument } from './document.ts';
import { readEnvironment } from './environment.ts';
import { findingsOf } from './issues.ts';
import { notBuiltFindings } from './not-built.ts';
import type { Finding, Problem } from './problem.ts';
import { ConfigInvalidError, formatKey } from './problem.ts';
import { relationFindings } from './relations.ts';
import { resolveConfig } from './resolve.ts';
import { schema } from './schema.ts';

/** Bytes; some ten thousand repositories. */
const largest = 4 * 1024 * 1024;

/**
 * Reads, checks and resolves a configuration file. Files that it names need not exist.
 * @param credentialsDirectory where relative names of files are looked for first.
 * @throws ConfigInvalidError with everything that is wrong, in the order of the file.
 */
export function loadConfig(
  file: string,
  credentialsDirectory: string | null = readEnvironment().credentialsDirectory,
): Config {
  return parseConfig(readText(file), file, credentialsDirectory);
}

/** As `loadConfig`, for text that was read already; `file` is for messages and relative names. */
export function parseConfig(text: string, file: string, credentialsDirectory: string | null): Config {
  const document = readDocument(text);
  if (!document.sound) throw new ConfigInvalidError(problemsOf(file, document, []));
  const path = resolve(file);
  const parsed = schema.safeParse(document.root);
  const problems = problemsOf(file, document, [
    ...document.findings,
    ...(parsed.success ? [] : elsewhere(document.findings, findingsOf(parsed.error.issues, document.root))),
    ...notBuiltFindings(document.root),
    ...relationFindings(document.root, dirname(path)),
  ]);
  if (problems.length > 0 || !parsed.success) throw new ConfigInvalidError(problems);
  return resolveConfig(parsed.data, { file: path, credentialsDirectory });
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

function readText(file: string): string {
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
