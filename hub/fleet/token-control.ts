import { tokenText } from '../../protocol/token.ts';
import type { Actor, Audit } from '../audit/audit.ts';
import type { OperatorCertificates } from '../operators/operator-certificates.ts';
import type { NewOperator, OperatorRecord, Operators } from '../operators/operators.ts';
import type { Labels } from './labels.ts';
import type { TokenRecord, Tokens } from './tokens.ts';

/** What operators do with tokens: those of PoPs, and their own; certificates of operators, too. */
export class TokenControl {
  readonly #tokens: Tokens;
  readonly #operators: Operators;
  readonly #certificates: OperatorCertificates;
  readonly #audit: Audit;
  readonly #hub: { readonly url: string; readonly ca: string };

  /** @param options `hub`: where PoPs reach it, and the sha256 of its authority (hex), which both go into tokens. */
  constructor(options: {
    readonly tokens: Tokens;
    readonly operators: Operators;
    readonly certificates: OperatorCertificates;
    readonly audit: Audit;
    readonly hub: { readonly url: string; readonly ca: string };
  }) {
    this.#tokens = options.tokens;
    this.#operators = options.operators;
    this.#certificates = options.certificates;
    this.#audit = options.audit;
    this.#hub = options.hub;
  }

  /** A token with which PoPs register. @param asked `ttl`: milliseconds. @returns its text too: this once. */
  async create(
    asked: { readonly labels: Labels; readonly uses: number; readonly ttl: number },
    who: Actor,
  ): Promise<{ readonly record: TokenRecord; readonly text: string }> {
    const { record, secret } = await this.#tokens.create({ ...asked, by: who.name });
    const labels = Object.entries(record.labels).map(([key, value]) => `${key}=${value}`);
    const to = [`${record.uses} uses until ${record.expires}`, ...labels].join(', ');
    await this.#audit.note({ who, what: 'token.create', on: record.id, to });
    return { record, text: tokenText({ ...this.#hub, id: record.id, secret }) };
  }

  /** A token with which somebody acts on the hub from elsewhere. */
  async createOperator(
    asked: Omit<NewOperator, 'by'>,
    who: Actor,
  ): Promise<{ readonly record: OperatorRecord; readonly text: string }> {
    const made = await this.#operators.create({ ...asked, by: who.name });
    await this.#noteNew(made.record, who);
    return made;
  }

  /** A certificate with which somebody acts. @param csr PEM. @throws WaystationError `bad_request` */
  async certifyOperator(
    asked: Omit<NewOperator, 'by'>,
    csr: string,
    who: Actor,
  ): Promise<{ readonly record: OperatorRecord; readonly certificate: string }> {
    const made = await this.#certificates.create({ ...asked, by: who.name }, csr);
    await this.#noteNew(made.record, who);
    return made;
  }

  async #noteNew({ id, name, role, expires, key }: OperatorRecord, who: Actor): Promise<void> {
    const to = `${name}, ${role} until ${expires}${key === null ? '' : ', by certificate'}`;
    await this.#audit.note({ who, what: 'operator.create', on: id, to });
  }

  /** Of either kind, by its id. @throws WaystationError `token_unknown` */
  async revoke(id: string, who: Actor): Promise<void> {
    const operator = await this.#operators.revoke(id, who.name);
    if (operator === null) await this.#tokens.revoke(id, who.name);
    const what = operator === null ? 'token.revoke' : 'operator.revoke';
    await this.#audit.note({ who, what, on: id, to: operator?.name ?? null });
  }

  async list(): Promise<{ readonly tokens: readonly TokenRecord[]; readonly operators: readonly OperatorRecord[] }> {
    const [tokens, operators]: [TokenRecord[], OperatorRecord[]] = [[], []];
    for await (const token of this.#tokens.list()) tokens.push(token);
    for await (const operator of this.#operators.list()) operators.push(operator);
    return { tokens, operators };
  }
}
