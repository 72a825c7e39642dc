import type { GenerationDocument } from '../base/generation.ts';
import type { GenerationStatus } from '../base/status.ts';
import type { GenerationStore } from './store.ts';

/** What a list of generations needs of the store; commands without a service have no more than that. */
export type GenerationReader = Pick<GenerationStore, 'current' | 'kept' | 'rolledBackSince' | 'pins' | 'holdings'>;

/**
 * The kept generations of some subscriptions, newest first of each, as `generations --json` has them. Where it cannot be
 * read what is pinned, none is shown so: pinning says why, and nothing is retired meanwhile.
 */
export async function generationList(store: GenerationReader, names: readonly string[]): Promise<GenerationStatus[]> {
  const pins = await store.pins().catch(() => new Set<string>());
  const documents = names.flatMap((name) => store.kept(name));
  return Promise.all(documents.map((document) => generationStatus(document, store, pins)));
}

async function generationStatus(
  document: GenerationDocument,
  store: GenerationReader,
  pins: ReadonlySet<string>,
): Promise<GenerationStatus> {
  const { id, subscription, created, hubVersion } = document;
  const entries = Object.entries(document.repositories);
  const holdings = await Promise.all(entries.map(([path, repository]) => store.holdings(path, repository)));
  const sum = (figure: (holding: (typeof holdings)[number]) => number): number =>
    holdings.reduce((total, holding) => total + figure(holding), 0);
  const current = store.current(subscription)?.id === id;
  return {
    id,
    subscription,
    created,
    current,
    pinned: pins.has(id),
    rolledBack: current && store.rolledBackSince(subscription) !== null,
    hubVersion,
    repositories: Object.fromEntries(entries.map(([path, { repomd }]) => [path, { repomd: repomd.digest }])),
    packages: { listed: sum(({ packages }) => packages.listed), held: sum(({ packages }) => packages.held) },
    bytes: { listed: sum(({ bytes }) => bytes.listed), held: sum(({ bytes }) => bytes.held) },
  };
}
