import { digestOf } from '../../../base/digest.ts';
import { SimulatedPulp } from '../../support/pulp/simulated-pulp.ts';
import { hubContract } from '../hub-contract.ts';
import { MemoryNotes, openHub } from './open-hub.ts';

hubContract('pulp', async () => {
  const pulp = await SimulatedPulp.start();
  pulp.password = 'first';
  pulp.carry(['open']);
  pulp.carry(['guarded'], { content_guard: '/pulp/default/api/v3/contentguards/core/rbac/0199/' });
  for (const path of ['open', 'guarded']) pulp.files.set(`${path}/repodata/repomd.xml`, `<repomd path="${path}"/>`);
  pulp.intercept = (request, response, url) => {
    if (!url.pathname.includes('/content/default/guarded/')) return false;
    const right = request.headers.authorization === `Basic ${Buffer.from(`pop:${pulp.password}`).toString('base64')}`;
    if (!right) response.writeHead(403).end();
    return !right;
  };
  const notes = new MemoryNotes();
  return {
    repositories: {
      'site/open': digestOf('<repomd path="open"/>'),
      'site/guarded': digestOf('<repomd path="guarded"/>'),
    },
    client: (secret) =>
      openHub({ url: pulp.origin, prefix: 'site', username: 'pop', password: async () => secret, notes }),
    wants: (secret) => {
      pulp.password = secret;
      pulp.sessions.clear();
    },
    vanish: () => pulp[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: () => pulp[Symbol.asyncDispose](),
  };
});
