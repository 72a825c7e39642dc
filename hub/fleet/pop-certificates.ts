import type { Clock } from '../../base/clock.ts';
import { popUri } from '../../protocol/registration.ts';
import type { PopCredentials } from '../../protocol/registration.ts';
import type { Authority } from '../keys/authority.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';

/** What PoPs get from the hub's authority. */
export class PopCertificates {
  readonly #authority: Authority;
  readonly #keys: SigningKeys;
  readonly #clock: Clock;
  readonly #life: number;

  /** @param options `life`: milliseconds for which a certificate counts. */
  constructor(options: {
    readonly authority: Authority;
    readonly keys: SigningKeys;
    readonly clock: Clock;
    readonly life: number;
  }) {
    this.#authority = options.authority;
    this.#keys = options.keys;
    this.#clock = options.clock;
    this.#life = options.life;
  }

  /** When a certificate that is made now ends; certificates count in whole seconds. RFC 3339. */
  ends(): string {
    return new Date(Math.ceil((this.#clock.now() + this.#life) / 1_000) * 1_000).toISOString();
  }

  /** @param publicKey SubjectPublicKeyInfo (DER) that the PoP has shown to have the other half of. */
  async issue(
    { id, name, certificateEnds }: { readonly id: string; readonly name: string; readonly certificateEnds: string },
    publicKey: Buffer,
  ): Promise<PopCredentials> {
    const certificate = await this.#authority.issue({
      publicKey,
      commonName: name,
      names: [{ type: 'url', value: popUri(id) }],
      use: 'client',
      from: this.#clock.now(),
      until: Date.parse(certificateEnds),
    });
    return { pop: { id, name }, certificate, authority: this.#authority.certificate, keys: this.#keys.published };
  }
}
