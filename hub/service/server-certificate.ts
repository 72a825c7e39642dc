import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ServerIdentity } from '../../web/listener.ts';
import type { Authority } from '../keys/authority.ts';

const hour = 60 * 60_000;
/** How long a certificate of the hub counts; another one takes its place after two thirds of that. */
const life = 30 * 24 * hour;

export interface ServerCertificateOptions {
  readonly authority: Authority;
  /** The host that PoPs know the hub by. */
  readonly host: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What the hub shows itself by: key and certificate of its own authority, made at each start, kept nowhere, and made
 * anew long before they end. The authority's certificate is the end of the chain: by that a PoP knows it from its token.
 */
export class ServerCertificate {
  readonly #options: ServerCertificateOptions;
  #until = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ServerCertificateOptions) {
    this.#options = options;
  }

  /** When the one that was made last ends, milliseconds since the epoch. */
  get until(): number {
    return this.#until;
  }

  async make(): Promise<ServerIdentity> {
    const { authority, host, clock, log } = this.#options;
    const from = clock.now();
    const { certificate, key } = await authority.issueServer(host, { from, until: from + life });
    this.#until = from + life;
    log.info({ host, until: new Date(this.#until).toISOString() }, 'a certificate for this hub was made');
    return { cert: `${certificate}${authority.certificate}`, key };
  }

  /** Looks every hour whether it is time for another one: wall clocks jump, and machines sleep. */
  keep(show: (identity: ServerIdentity) => void): void {
    const { log } = this.#options;
    this.#timer = setInterval(() => {
      this.renew(show).catch((error: unknown) => log.error({ err: error }, 'no new certificate for this hub'));
    }, hour);
    this.#timer.unref();
  }

  /** Shows a new one if the last one is old enough. */
  async renew(show: (identity: ServerIdentity) => void): Promise<void> {
    if (this.#options.clock.now() < this.#until - life / 3) return;
    show(await this.make());
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }
}
