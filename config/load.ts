import { resolve } from 'node:path';
import { checkedValues, readText } from './checked-file.ts';
import type { Config } from './config.ts';
import { readEnvironment } from './environment.ts';
import { notBuiltFindings } from './not-built.ts';
import { relationFindings } from './relations.ts';
import { resolveConfig } from './resolve.ts';
import { schema } from './schema.ts';

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
  const values = checkedValues(text, file, {
    schema,
    findings: (root, directory) => [...notBuiltFindings(root), ...relationFindings(root, directory)],
  });
  return resolveConfig(values, { file: resolve(file), credentialsDirectory });
}
