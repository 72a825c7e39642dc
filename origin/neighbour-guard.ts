import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { WaystationError } from '../base/errors.ts';
import { addressKind, literalAddress } from './address-kind.ts';
import type { AddressKind } from './address-kind.ts';

/**
 * Keeps redirects and mirror lists away from this machine and its neighbours: an upstream, or who speaks in its name, must not make us
 * ask a service that trusts local callers. Kinds at which the configured upstream itself was found are open to it.
 */
export class NeighbourGuard {
  readonly #own = new Set<AddressKind>([null]);

  /** Notes the address of a configured upstream. */
  learn(address: string | undefined): void {
    if (address !== undefined) this.#own.add(addressKind(address));
  }

  /** Notes the host of a configured URL when it spells out an address: behind a proxy we never see another. */
  learnHost(hostname: string): void {
    this.learn(literalAddress(hostname) ?? undefined);
  }

  /**
   * Refuses a host that spells out a forbidden address. Names are looked at when they are resolved (`lookup`).
   * @throws WaystationError `upstream_redirect`
   */
  checkHost(hostname: string): void {
    const address = literalAddress(hostname);
    if (address !== null && !this.#allows(address)) throw refusal(hostname);
  }

  /** Resolves names for foreign origins; forbidden addresses are left out. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, '');
      const allowed = found.filter(({ address }) => this.#allows(address));
      const [first] = allowed;
      if (first === undefined) return callback(refusal(hostname), '');
      if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };

  #allows(address: string): boolean {
    return this.#own.has(addressKind(address));
  }
}

function refusal(hostname: string): WaystationError {
  return new WaystationError(
    'upstream_redirect',
    `${hostname} is an address of this machine or its neighbours, where the configured upstream is not`,
  );
}
