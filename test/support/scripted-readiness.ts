import { WaystationError } from '../../base/errors.ts';
import type { OfflineReadiness, ReadyAsked } from '../../gateway/admin/ports.ts';

/** Readiness that answers as a test has it, and notes what was asked. */
export interface ScriptedReadiness extends OfflineReadiness {
  readonly asked: ReadyAsked[];
}

/** @param report what the check `check-1` comes to; null: it never ends. */
export function scriptedReadiness(report: object | null = {}): ScriptedReadiness {
  const asked: ReadyAsked[] = [];
  const known = (id: string): void => {
    if (id !== 'check-1') throw new WaystationError('not_found', `no check ${id} is remembered`);
  };
  return {
    asked,
    counted: (subscriptions) => Promise.resolve({ counted: subscriptions }),
    begin: (question) => {
      asked.push(question);
      return 'check-1';
    },
    report: async (id) => {
      known(id);
      return report ?? new Promise<never>(() => {});
    },
    fetch: async (id) => {
      known(id);
      return 'ready-1';
    },
  };
}
