import { digestOf } from '../../../base/digest.ts';
import { FaultyOrigin } from '../../support/faulty-origin.ts';
import { putRepository } from '../../support/hand-made-repository.ts';
import { LiveHub } from '../../support/live-hub.ts';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubContract } from '../hub-contract.ts';
import { RegisteredPop } from './registered-pop.ts';

hubContract('waystation', async () => {
  const resources = new AsyncDisposableStack();
  const hub = resources.use(await LiveHub.start());
  const basic = { username: 'hub', password: 'secret' };
  const open = resources.use(await FaultyOrigin.start());
  const guarded = resources.use(await FaultyOrigin.start({ basic }));
  const made = {
    'site/open': putRepository(open, 'open', { packages: { 'a-1-1.noarch.rpm': 'a' } }),
    'site/guarded': putRepository(guarded, 'guarded', { packages: { 'b-1-1.noarch.rpm': 'b' } }),
  };
  await writeFile(join(hub.directory, 'password'), basic.password);
  await hub.snapshot('one', [
    { type: 'yum', path: 'open', url: `${open.url}open/` },
    { type: 'yum', path: 'guarded', url: `${guarded.url}guarded/`, username: 'hub', passwordFile: 'password' },
  ]);
  await hub.promote('prod', 'one');
  const pop = resources.use(await RegisteredPop.start(hub.url, await hub.token()));
  return {
    repositories: Object.fromEntries(Object.entries(made).map(([path, { repomd }]) => [path, digestOf(repomd)])),
    client: async () => {
      const { hub: client, ...opened } = await pop.follow('prod', 'site');
      return Object.assign(client, { close: async () => opened[Symbol.asyncDispose]() });
    },
    // Keys of PoPs change by themselves: nobody configures them.
    wants: () => {},
    vanish: () => hub.stop(),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});
