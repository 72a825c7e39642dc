import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of the test's own, gone when the test ends. */
export function ownDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'waystation-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A configuration file with this text, in a directory of its own. */
export function configFile(text: string | Uint8Array): string {
  const file = join(ownDirectory(), 'waystation.yaml');
  writeFileSync(file, text);
  return file;
}

/** `subscriptions` with one of type yum: its own lines, and its entries as flow maps. From line 1 of the file. */
export function yumConfig({ entries, lines = [] }: { entries: readonly string[]; lines?: readonly string[] }): string {
  return [
    'subscriptions:',
    '  - name: vendor',
    '    hub: { type: yum }',
    '    repositories:',
    ...entries.map((entry) => `      - ${entry}`),
    ...lines.map((line) => `    ${line}`),
    '',
  ].join('\n');
}
