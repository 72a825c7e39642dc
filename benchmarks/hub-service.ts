import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchHits } from './lab/hub-hits.ts';
import { benchMemory } from './lab/hub-memory.ts';
import { benchWaiting } from './lab/hub-waiting.ts';
import { BenchedHub } from './lab/hub.ts';

export const about =
  'a hub: CPU for held files beside a PoP, RSS with 100 × 100 MB at once, 200 PoPs that wait [hits] [memory] [waiting]';

const parts = { hits: benchHits, memory: benchMemory, waiting: benchWaiting } as const;

/** Servers on core 0, this process on core 1. CPU by the scheduler's account, since wall clock lies here. */
export async function run(wanted: readonly string[]): Promise<void> {
  spawnSync('taskset', ['-a', '-pc', '1', String(process.pid)]);
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const work = mkdtempSync(join(tmpdir(), 'waystation-bench-'));
    const hub = await BenchedHub.start(work, 0);
    try {
      await part(hub, work);
    } finally {
      await hub.stop();
      rmSync(work, { recursive: true, force: true });
    }
  }
}
