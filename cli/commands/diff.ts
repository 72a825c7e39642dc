import type { Config } from '../../config/config.ts';
import type { GenerationDiff } from '../../sync/generation-diff.ts';
import type { ServiceClient } from '../client.ts';
import { exitCodes } from '../exit-codes.ts';
import { onState } from '../offline-store.ts';
import type { Terminal } from '../terminal.ts';
import { terminalLog } from '../terminal-log.ts';
import { diffText } from './diff-text.ts';
import { controlOf } from './generations.ts';

export interface DiffRequest {
  readonly config: Config;
  readonly from: string;
  readonly to: string;
  readonly json: boolean;
}

/**
 * `waystation diff GENERATION GENERATION`, from the metadata that is held. Fails when a repository cannot be compared,
 * after what could be.
 */
export async function diff({ config, from, to, json }: DiffRequest, terminal: Terminal): Promise<number> {
  const found = await onState(config, terminalLog(terminal), {
    online: (client) => askedFor(client, from, to),
    offline: async (store) => (await controlOf(config, store).diff(from, to, null)) as GenerationDiff,
  });
  if (json) terminal.out(JSON.stringify(found, null, 2));
  else for (const line of diffText(found, terminal.paint)) terminal.out(line);
  const failed = found.repositories.filter(({ error }) => error !== null);
  for (const { path, error } of failed) terminal.err(`waystation: ${path}: ${error?.code}: ${error?.message}`);
  return failed.length === 0 ? exitCodes.ok : exitCodes.failed;
}

/** One repository after the other: no time-out between the two ends a long comparison. */
async function askedFor(client: ServiceClient, from: string, to: string): Promise<GenerationDiff> {
  const ask = async (query: Readonly<Record<string, string>>): Promise<GenerationDiff> =>
    (await client.get(`/api/v1/diff?${new URLSearchParams(query).toString()}`)) as GenerationDiff;
  const whole = await ask({ from, to, path: '' });
  const repositories = [];
  for (const path of whole.paths) {
    const { repositories: found } = await ask({ from: whole.from.id, to: whole.to.id, path });
    repositories.push(...found);
  }
  return { ...whole, repositories };
}
