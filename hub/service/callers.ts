import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { Fleet, Pop } from './ports.ts';

/** Milliseconds for which a connection is believed to be who it was: a revocation counts after that. */
const believed = 250;

interface Known {
  /** What the connection has shown, DER. It cannot change: there is no renegotiation. */
  readonly certificate: Buffer;
  pop: Pop | null;
  /** Monotonic. */
  seen: number;
}

/**
 * Who is asking. TLS has proven that a connection has the key of the certificate that it shows; what the certificate is
 * worth is up to the fleet. It is asked again and again, since a certificate may be revoked while a connection is open.
 */
export class Callers {
  readonly #fleet: Pick<Fleet, 'identify'>;
  readonly #clock: Clock;
  readonly #known = new WeakMap<object, Known>();

  constructor({ fleet, clock }: { fleet: Pick<Fleet, 'identify'>; clock: Clock }) {
    this.#fleet = fleet;
    this.#clock = clock;
  }

  /** Who this connection is known to be just now; null: ask. */
  atHand({ socket }: IncomingMessage): Pop | null {
    const known = this.#known.get(socket);
    return known !== undefined && this.#clock.monotonic() - known.seen < believed ? known.pop : null;
  }

  /** @throws WaystationError `certificate_refused` */
  async identify(request: IncomingMessage): Promise<Pop> {
    const known = this.#shown(request);
    const now = this.#clock.monotonic();
    known.pop = null;
    const pop = await this.#fleet.identify(known.certificate, { renewing: false });
    known.pop = pop;
    known.seen = now;
    return pop;
  }

  /** As `identify`, where a certificate may have ended. */
  identifyForRenewal(request: IncomingMessage): Promise<Pop> {
    return this.#fleet.identify(this.#shown(request).certificate, { renewing: true });
  }

  #shown({ socket }: IncomingMessage): Known {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
    if (certificate === undefined)
      throw new WaystationError('certificate_refused', 'this connection shows no certificate: PoPs register first');
    const fresh: Known = { certificate, pop: null, seen: -Infinity };
    this.#known.set(socket, fresh);
    return fresh;
  }
}
