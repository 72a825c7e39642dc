import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const executable = fileURLToPath(new URL('../../cli/waystation.ts', import.meta.url));

/** Runs the real executable to its end, away from the environment's own configuration. */
export async function waystation(...words: string[]): Promise<CommandResult> {
  const { WAYSTATION_CONFIG: _, CREDENTIALS_DIRECTORY: __, ...environment } = process.env;
  const child = spawn(process.execPath, [executable, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, NO_COLOR: '1' },
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const [stdout, stderr] = await Promise.all([textOf(child.stdout), textOf(child.stderr)]);
  const [code] = await closed;
  return { code, stdout, stderr };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  stream.setEncoding('utf8');
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
