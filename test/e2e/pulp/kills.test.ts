import { randomInt } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { dnfTools, freshDnf } from '../../support/dnf.ts';
import { Gate } from '../../support/faulty-origin-gate.ts';
import { ForwardProxy } from '../../support/forward-proxy.ts';
import { LivePulp, livePulp } from '../../support/pulp/live.ts';
import { download } from '../../support/http-download.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { describeWith } from '../../support/tools.ts';
import { Seeded } from '../../simulation/seeded.ts';
import { published, pulpPop, repositoryIn, section, worked } from './pulp-pop.ts';
import { slowPackages } from './slow-packages.ts';

const kills = 10;
const seed = Number(process.env['WAYSTATION_KILLS_SEED'] ?? randomInt(1_000_000));
/** Files that the PoP has under way at a time. */
const slots = 4;
const parcels = Array.from({ length: 26 }, (_, index) => ({
  name: `parcel-${String(index).padStart(2, '0')}`,
  bytes: 60_000 + index * 2000,
}));

describeWith([livePulp, ...dnfTools], 'a full sync of a Pulp that is killed again and again', () => {
  const pulp = new LivePulp();
  afterAll(() => Promise.all([pulp.start('api'), pulp.start('content')]));

  test(`comes to its end after ${kills} SIGKILLs and fetches again what was under way, no more (seed ${seed})`, async () => {
    await using directory = await temporaryDirectory();
    const repository = await pulp.repository('parcels', parcels);
    await pulp.distribution('parcels', { repository: repository.pulp_href, pulp_labels: { suite: 'parcels' } });
    const random = new Seeded(seed);
    const valve = new Valve();
    await using proxy = await ForwardProxy.start(slowPackages((url) => valve.gate(url)));
    await using pop = await pulpPop(pulp, {
      select: 'suite=parcels',
      hub: { proxy: proxy.url },
      subscription: { policy: 'full', refresh: '1h' },
      config: { transfers: { perHub: slots, total: slots } },
    });
    for (let life = 0; life < kills; life++) {
      if (life > 0) await pop.launch();
      const { packages } = repositoryIn(await published(pop, 'parcels'), 'parcels') ?? {};
      expect(packages?.listed).toBe(parcels.length);
      const held = await lastHeld(pop);
      const dnf = await freshDnf(directory.path, [section(pop, 'parcels')]);
      worked(held === undefined ? await dnf.makecache() : await dnf.download(held), pop);
      await valve.let(random.whole(1, 2));
      await new Promise((resolve) => setTimeout(resolve, random.whole(0, 100)));
      expect(repositoryIn(await pop.status(), 'parcels')?.packages.held).toBeLessThan(parcels.length);
      await pop.kill();
      valve.killed();
    }
    valve.open();
    await pop.launch();
    expect(await pop.run('sync', '--wait')).toMatchObject({ code: 0 });
    const asked = proxy.requests.filter((request) => request.endsWith('.rpm'));
    expect(new Set(asked).size).toBe(parcels.length);
    expect(asked.length - parcels.length).toBeLessThanOrEqual(kills * slots);

    await Promise.all([pulp.stop('api'), pulp.stop('content')]);
    await pop.kill();
    await pop.launch();
    const dnf = await freshDnf(directory.path, [section(pop, 'parcels')]);
    worked(await dnf.install(...parcels.map(({ name }) => name)), pop);
  });
});

/** The largest of the parcels that the PoP holds; one that is still on its way would be waited for. */
async function lastHeld({ content }: { readonly content: string }): Promise<string | undefined> {
  for (const { name } of parcels.toReversed()) {
    const path = `/content/parcels/Packages/p/${name}-1.0-1.noarch.rpm`;
    const { headers } = await download(content, path, { method: 'HEAD' });
    if (String(headers['cache-status']).includes('hit')) return name;
  }
  return undefined;
}

/** Lets some packages through at full speed, in the order in which they are asked for; the others hardly come. */
class Valve {
  #waiting: Gate[] = [];
  #permits = 0;
  #let = Promise.withResolvers<void>();

  gate(_url: string): Gate {
    const gate = new Gate();
    this.#waiting.push(gate);
    this.#pass();
    return gate;
  }

  /** Resolves once so many more are let through. */
  let(count: number): Promise<void> {
    this.#permits = count;
    this.#let = Promise.withResolvers();
    this.#pass();
    return this.#let.promise;
  }

  /** Nobody waits any more. */
  killed(): void {
    this.#waiting = [];
  }

  /** From now on everything comes at full speed. */
  open(): void {
    this.#permits = Infinity;
    this.#pass();
  }

  #pass(): void {
    while (this.#permits > 0) {
      const gate = this.#waiting.shift();
      if (gate === undefined) return;
      gate.open();
      this.#permits -= 1;
    }
    this.#let.resolve();
  }
}
