import { onTestFinished } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/log.ts';
import { Client } from '../../origin/client.ts';
import { Health } from '../../origin/health.ts';
import type { Identity } from '../../origin/identity.ts';
import { anonymousIdentity } from '../../origin/identity.ts';
import type { MirrorDirectorySource } from '../../origin/mirror-directory.ts';
import { SourceSet } from '../../origin/source-set.ts';
import { freeTraffic } from './free-traffic.ts';

export interface UpstreamOptions {
  readonly mirrorLists?: readonly MirrorDirectorySource[];
  readonly identity?: Identity;
}

/** The real way to one repository's upstream, closed when the test ends. */
export function upstream(urls: readonly string[], options: UpstreamOptions = {}): SourceSet {
  const { mirrorLists = [] } = options;
  const health = new Health({ clock: systemClock, log: silentLogger });
  const identity = options.identity ?? anonymousIdentity([...urls, ...mirrorLists.map(({ url }) => url)]);
  const traffic = freeTraffic();
  const client = new Client({ identity, version: '0', health, traffic, clock: systemClock, log: silentLogger });
  onTestFinished(() => client.close());
  return new SourceSet({ client, health, clock: systemClock, log: silentLogger, urls, mirrorLists });
}
