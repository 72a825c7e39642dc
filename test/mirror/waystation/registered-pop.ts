import { join } from 'node:path';
import { systemClock } from '../../../base/clock.ts';
import { silentLogger } from '../../../base/log.ts';
import { HubBlobs } from '../../../mirror/waystation/blob-source.ts';
import { HubSession } from '../../../mirror/waystation/hub-session.ts';
import { IdentityFolder } from '../../../mirror/waystation/identity-folder.ts';
import { register } from '../../../mirror/waystation/registration.ts';
import type { HubAddress } from '../../../mirror/waystation/registration.ts';
import { WaystationHub } from '../../../mirror/waystation/waystation-hub.ts';
import { Client } from '../../../origin/client.ts';
import { Health } from '../../../origin/health.ts';
import { freeTraffic } from '../../support/free-traffic.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { MemoryNotes } from '../pulp/open-hub.ts';

/** What a PoP needs to talk to a hub. */
export function addressOf(url: string): HubAddress {
  const health = new Health({ clock: systemClock, log: silentLogger });
  return { url, proxy: null, noProxy: [], version: '0.0.0', health, traffic: freeTraffic(), clock: systemClock };
}

export interface OpenChannel extends AsyncDisposable {
  readonly session: HubSession;
  readonly hub: WaystationHub;
}

/** A state directory with an identity, and notes: what outlives a process. */
export class RegisteredPop implements AsyncDisposable {
  readonly folder: IdentityFolder;
  readonly notes = new MemoryNotes();
  readonly #url: string;
  readonly #resources = new AsyncDisposableStack();

  /** @param token null: it stays nobody. */
  static async start(url: string, token: string | null, name = 'lyon-1'): Promise<RegisteredPop> {
    const directory = await temporaryDirectory();
    const pop = new RegisteredPop(url, directory.path);
    pop.#resources.use(directory);
    const { folder } = pop;
    if (token !== null) await register(addressOf(url), { folder, token, name }, AbortSignal.timeout(60_000));
    return pop;
  }

  private constructor(url: string, directory: string) {
    this.#url = url;
    this.folder = new IdentityFolder(join(directory, 'state'), url);
  }

  /** As a process that starts. */
  async session(token: (() => Promise<string>) | null = null): Promise<HubSession> {
    const { folder } = this;
    return HubSession.open({ ...addressOf(this.#url), folder, token, name: 'lyon-1', log: silentLogger });
  }

  /** Follows a channel. */
  async follow(channel: string, prefix = ''): Promise<OpenChannel> {
    const session = await this.session();
    const address = addressOf(this.#url);
    const client = new Client({ ...address, identity: session.membership.identity, log: silentLogger });
    const blobs = new HubBlobs({ ...address, client });
    const parts = { session, blobs, notes: this.notes, kept: () => [] };
    const hub = await WaystationHub.open({ subscription: 'site', channel, prefix, ...parts });
    return {
      session,
      hub,
      [Symbol.asyncDispose]: async () => {
        await session.close();
        await client.close();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}
