import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { WaystationError } from '../../base/errors.ts';
import type { OperatorCertificates } from './operator-certificates.ts';
import type { Operator, Operators } from './operators.ts';

/** What a request shows of who sends it. */
export interface Shown {
  /** What stands behind `Authorization: Bearer`; null: nothing does. */
  readonly token: string | null;
  /** null: there is no connection, as in a test. */
  readonly request: IncomingMessage | null;
}

/** Which operator sends a request, and who sent those that were asked about. */
export class OperatorCallers {
  readonly #operators: Pick<Operators, 'identify'>;
  readonly #certificates: Pick<OperatorCertificates, 'identify'>;
  readonly #known = new WeakMap<IncomingMessage, Operator>();

  constructor(options: {
    readonly operators: Pick<Operators, 'identify'>;
    readonly certificates: Pick<OperatorCertificates, 'identify'>;
  }) {
    this.#operators = options.operators;
    this.#certificates = options.certificates;
  }

  /**
   * By the token, or else by the certificate of the connection. Looked at anew for each request: who was revoked is out
   * at once. @throws WaystationError `unauthorized`, `denied`
   */
  async identify({ token, request }: Shown): Promise<Operator> {
    const operator = token === null ? await this.#byCertificate(request) : await this.#operators.identify(token);
    if (request !== null) this.#known.set(request, operator);
    return operator;
  }

  /** Who sent a request that was let in; null: nobody has shown who he is. */
  of(request: IncomingMessage): Operator | null {
    return this.#known.get(request) ?? null;
  }

  async #byCertificate(request: IncomingMessage | null): Promise<Operator> {
    const socket = request?.socket;
    const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.raw : undefined;
    if (certificate === undefined)
      throw new WaystationError(
        'unauthorized',
        'say who you are: Authorization: Bearer and a token of an operator, or the certificate of one',
      );
    // A browser shows a certificate for every page that makes it ask; nobody can make it show a token.
    if (request?.headers.origin !== undefined)
      throw new WaystationError('denied', 'pages of other sites cannot act by a certificate: show a token');
    return this.#certificates.identify(certificate);
  }
}
