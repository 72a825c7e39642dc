import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { asWaystationError } from '../../../base/errors.ts';
import { openHub } from '../../../cli/hub/hub-parts.ts';
import { snapshotCreate } from '../../../cli/hub/snapshot-create.ts';
import type { Terminal } from '../../../cli/terminal.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { hubDirectory, numberedPackages } from '../../support/hub-directory.ts';
import { InterceptedStore } from '../../support/intercepted-store.ts';
import { seeded } from '../../support/primary-generator.ts';
import { collected, wholeSnapshots } from './collecting-hub.ts';

const silent: Terminal = { out: () => {}, err: () => {}, paint: (_style, text) => text, live: null };

/**
 * Each round wants a snapshot of what the round before had and retired: nothing refers to those files, and the new one
 * counts on them while they are being collected.
 */
test.each([1, 2])(
  'snapshots made beside collections are whole, whenever either gets on (seed %i)',
  async (seed) => {
    await using origin = await FaultyOrigin.start();
    await using directory = await hubDirectory();
    const hub = await openHub(directory.config);
    const random = seeded(seed);
    const from = join(directory.path, 'sources.yaml');
    await writeFile(from, JSON.stringify({ repositories: [{ type: 'yum', path: 'base', url: `${origin.url}base/` }] }));
    const make = (name: string): Promise<number> =>
      snapshotCreate({ config: directory.config, name, from, credentialsDirectory: null, json: true }, silent);
    // Holds it up so long that it looks whether anybody else has come, or not.
    const slow = new InterceptedStore(hub.store, async () => {
      if (random() < 0.1) await systemClock.sleep(random() * 300);
    });
    const outcomes = new Set<string>();
    putRepository(origin, 'base', { packages: numberedPackages(20, () => 1) });
    for (let round = 0; round < 6; round += 1) {
      const collecting = collected(hub, slow, directory.path).then(
        ({ gaveWay }) => (gaveWay ? 'gave way' : 'done'),
        (error: unknown) => asWaystationError(error).code,
      );
      await systemClock.sleep(random() * 400);
      expect(await make(`round-${round}`)).toBe(0);
      outcomes.add(await collecting);
      const left = await wholeSnapshots(hub, hub.store, directory.path);
      expect(left).toContain(`round-${round}`);
      await hub.retirements.retire(await hub.snapshots.need(`round-${round}`), { by: 'test', why: null, grace: null });
      await collected(hub, slow, directory.path);
    }
    expect([...outcomes].filter((outcome) => !['gave way', 'done', 'store_busy'].includes(outcome))).toEqual([]);
  },
  180_000,
);
