import { WaystationError } from '../../base/errors.ts';
import { registrationRequest, renewalRequest } from '../../protocol/registration.ts';
import type { PopCredentials } from '../../protocol/registration.ts';
import type { Visit } from './accounts.ts';
import type { Callers } from './callers.ts';
import { jsonBody } from './json-body.ts';
import type { Fleet } from './ports.ts';
import type { RateLimit } from './rate-limit.ts';

/** Bytes of a body: token, signing request and name. */
const mostBytes = 64 * 1024;

export interface RegistrationsOptions {
  readonly fleet: Pick<Fleet, 'register' | 'renew'>;
  readonly callers: Callers;
  /** How often an address may try: secrets are not to be guessed, and each try costs a signature. */
  readonly limit: RateLimit;
}

/** How a PoP comes to its certificate, and to the next one. */
export class Registrations {
  readonly #options: RegistrationsOptions;

  constructor(options: RegistrationsOptions) {
    this.#options = options;
  }

  /** `POST /v1/registrations` @throws WaystationError as docs/hub-protocol.md has it. */
  async register({ exchange }: Visit): Promise<void> {
    const { fleet, limit } = this.#options;
    const address = exchange.client ?? '';
    const wait = limit.take(address);
    if (wait > 0)
      throw new WaystationError('rate_limited', 'too many registrations from this address', { retryAfter: wait });
    const asked = await jsonBody(exchange.request, registrationRequest, mostBytes);
    const { credentials, isNew } = await fleet.register(asked, { address });
    answer(exchange, isNew ? 201 : 200, credentials);
  }

  /** `POST /v1/renewals` @throws WaystationError `certificate_refused`, `bad_request` */
  async renew(visit: Visit): Promise<void> {
    const { fleet, callers } = this.#options;
    const { exchange } = visit;
    const pop = await callers.identifyForRenewal(exchange.request);
    visit.pop = pop;
    const { csr } = await jsonBody(exchange.request, renewalRequest, mostBytes);
    answer(exchange, 200, await fleet.renew(pop, csr));
  }
}

function answer({ response }: Visit['exchange'], status: number, credentials: PopCredentials): void {
  const body = JSON.stringify(credentials);
  const length = String(Buffer.byteLength(body));
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', 'content-length': length };
  response.writeHead(status, headers).end(body);
}
