import type { GenerationControl, Switched } from '../../gateway/admin/ports.ts';

/** Does nothing, and says what it was asked for. */
export function scriptedGenerations(): GenerationControl {
  const switched = (subscription: string, generation: string, rolledBackSince: string | null): Switched => ({
    subscription,
    generation,
    rolledBackSince,
    before: 'newest',
    newest: 'newest',
    changed: true,
  });
  return {
    setPinned: async (generation, pinned) => ({ generation, subscription: 'corp', pinned, changed: true }),
    rollback: async (subscription, generation) =>
      switched(subscription, generation ?? 'the one before', '2026-11-23T10:15:00Z'),
    release: async (subscription) => switched(subscription, 'newest', null),
    diff: async (from, to, path) => ({ from, to, path }),
  };
}
