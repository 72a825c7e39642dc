import type { PulpApi } from './api.ts';
import { fieldsOf, listOf } from './fields.ts';

/**
 * The folder of a repository's newest checkpoint, below its checkpoint distribution: `20261123T094906Z/`. The
 * distribution's own repodata is 404 (measured), so this is what such a distribution carries.
 * @returns null when there is no checkpoint yet.
 * @throws WaystationError
 */
export async function newestCheckpoint(
  api: PulpApi,
  { repository, content }: { readonly repository: string; readonly content: 'rpm' | 'file' },
  signal: AbortSignal,
): Promise<string | null> {
  const query = { repository, checkpoint: 'true', ordering: '-pulp_created', limit: '1', fields: 'pulp_created' };
  const answer = await api.get(`publications/${content}/${content}/`, query, signal);
  const [newest] = listOf(answer['results'], 'publications: results');
  if (newest === undefined) return null;
  const created = Date.parse(String(fieldsOf(newest, 'a publication')['pulp_created']));
  if (Number.isNaN(created)) return null;
  // Whole seconds, cut off and not rounded.
  return `${new Date(created).toISOString().replace(/[-:]|\.\d+/g, '')}/`;
}
