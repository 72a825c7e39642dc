import { checkConfig } from '../../config/check.ts';
import { configJsonSchemaText } from '../../config/json-schema.ts';
import { exitCodes } from '../exit-codes.ts';
import type { Terminal } from '../terminal.ts';

/** `waystation config check`: every problem on a line of stderr and 78, or one line that says it is valid. */
export function configCheck(
  request: { readonly file: string; readonly credentialsDirectory: string | null; readonly json: boolean },
  terminal: Terminal,
): number {
  const report = checkConfig(request.file, request.credentialsDirectory);
  if (request.json) {
    const problems = report.valid ? [] : report.problems;
    terminal.out(JSON.stringify({ file: request.file, valid: report.valid, problems }, null, 2));
  } else {
    for (const line of report.lines) (report.valid ? terminal.out : terminal.err)(line);
  }
  return report.valid ? exitCodes.ok : exitCodes.config;
}

/** `waystation config schema`: the JSON Schema of the configuration, for editors. */
export function configSchema(terminal: Terminal): number {
  terminal.out(configJsonSchemaText().trimEnd());
  return exitCodes.ok;
}
