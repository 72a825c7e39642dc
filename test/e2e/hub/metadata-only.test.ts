import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FaultyOrigin, flippedAt } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { HubProcess } from '../../support/hub-process.ts';
import { incompressibleText } from '../../support/incompressible-text.ts';
import { Pop } from '../../support/pop.ts';

const large = 'p/large-1-1.noarch.rpm';
const content = incompressibleText(3_000_000, 'pulled by PoPs');
const spoiled = 'p/spoiled-1-1.noarch.rpm';

async function popOf(hub: HubProcess, name: string): Promise<Pop> {
  const token = (await hub.run('token', 'create', '--ttl', '1h')).stdout.trim();
  const followed = { type: 'waystation', url: hub.url, tokenFile: 'token', name };
  const subscription = { name: 'site', hub: followed, channel: 'prod', refresh: '1h', policy: 'on-demand' };
  const pop = await Pop.start({ config: { subscriptions: [subscription] }, files: { token } });
  await pop.until(({ subscriptions: [site] }) => site?.generation !== null);
  return pop;
}

test(
  'packages of a metadata-only snapshot reach PoPs through the hub, once from their origin, never wrong',
  { timeout: 300_000 },
  async () => {
    await using origin = await FaultyOrigin.start();
    await using hub = await HubProcess.start();
    putRepository(origin, 'base', { packages: { [large]: content, [spoiled]: incompressibleText(200_000, 'right') } });
    const from = join(hub.directory, 'sources.yaml');
    const repositories = [{ type: 'yum', path: 'el9/base', url: `${origin.url}base/` }];
    await writeFile(from, JSON.stringify({ policy: 'metadata-only', repositories }));
    expect(await hub.run('snapshot', 'create', 'one', '--from', from)).toMatchObject({ code: 0 });
    expect(await hub.run('promote', 'prod', 'one')).toMatchObject({ code: 0 });
    await using lyon = await popOf(hub, 'lyon');
    await using oslo = await popOf(hub, 'oslo');
    const get = (pop: Pop, href: string): Promise<Response> => fetch(`${pop.content}/content/el9/base/${href}`);

    const [first, second] = await Promise.all([get(lyon, large), get(oslo, large)]);
    for (const answer of [first, second]) expect([answer.status, await answer.text()]).toEqual([200, content]);
    expect(origin.count(`/base/${large}`)).toBe(1);

    // What the origin has changed reaches nobody whole, and is not kept.
    origin.on(`/base/${spoiled}`, flippedAt(100_000));
    const wrong = await get(lyon, spoiled).then(
      async (answer) =>
        answer.ok
          ? await answer.text().then(
              () => 'whole',
              () => 'cut',
            )
          : answer.status,
      () => 'cut',
    );
    expect(wrong).toBeOneOf(['cut', 502, 503, 504]);

    await origin.stop();
    await using late = await popOf(hub, 'late');
    const kept = await get(late, large);
    expect([kept.status, await kept.text()]).toEqual([200, content]);
    expect((await get(late, spoiled)).status).toBe(504);
    const shown = JSON.parse((await hub.run('snapshot', 'show', 'one', '--json')).stdout);
    expect(shown.onlyAtOrigin).toEqual({ files: 1, bytes: 200_000 });
  },
);
