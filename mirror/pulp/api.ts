import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import { shownUrl } from '../../origin/shown-url.ts';
import type { ApiConnection } from './api-connection.ts';
import { jsonOf } from './api-answer.ts';
import { fieldsOf } from './fields.ts';
import type { Fields } from './fields.ts';
import { Session } from './session.ts';

export interface ApiOptions {
  /** Of the hub: what `/pulp/` is below of. */
  readonly url: string;
  readonly domain: string;
  readonly username: string | null;
  readonly connection: ApiConnection;
  readonly clock: Clock;
}

/** What a hub says of itself without a login. */
export interface HubStatus {
  readonly domains: boolean;
  /** Scheme, host and port of its content app; null: those of its API. */
  readonly contentOrigin: string | null;
}

/** Questions to one domain of a Pulp 3 hub. */
export class PulpApi {
  readonly base: URL;
  readonly #options: ApiOptions;
  readonly #session: Session;
  #status: HubStatus | null = null;

  constructor(options: ApiOptions) {
    this.#options = options;
    const url = new URL(options.url);
    url.pathname = url.pathname.replace(/(\/pulp)?\/*$/, '/');
    url.search = '';
    url.hash = '';
    // The connection shows it; what is joined to this base and told to people shall not.
    url.username = '';
    url.password = '';
    this.base = url;
    this.#session = new Session(options);
  }

  /**
   * Asked once; again after `forgetStatus`.
   * @throws WaystationError when it cannot be had, or is none of Pulp's.
   */
  async status(signal: AbortSignal): Promise<HubStatus> {
    const known = this.#status;
    if (known !== null) return known;
    const status = statusFrom(await this.#ask(new URL('pulp/api/v3/status/', this.base), null, signal));
    this.#status = status;
    return status;
  }

  /** The hub behaved as if it had been changed. */
  forgetStatus(): void {
    this.#status = null;
  }

  /**
   * @param path below `/api/v3/` of the domain.
   * @throws WaystationError; `upstream_missing` for a 404.
   */
  async get(path: string, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Fields> {
    const { domain } = this.#options;
    const { domains } = await this.status(signal);
    if (!domains && domain !== 'default') {
      throw new WaystationError('upstream_missing', `${this.base.origin} has no domains, so none named ${domain}`);
    }
    const root = new URL(`pulp/${domains ? `${domain}/` : ''}api/v3/`, this.base);
    const url = new URL(path, root);
    url.search = new URLSearchParams(query).toString();
    return this.#ask(url, new URL('login/', root), signal);
  }

  /** @param login null: nobody has to be known. */
  async #ask(url: URL, login: URL | null, signal: AbortSignal): Promise<Fields> {
    const where = shownUrl(url);
    for (;;) {
      const authentication = login === null ? {} : await this.#session.authentication(login, signal);
      const answer = await this.#options.connection.send({ method: 'GET', url, authentication }, signal);
      const { status } = answer;
      // 401: the session has ended (14 days, or a new password). Some set-ups say 403 for the same.
      if (login !== null && (status === 401 || status === 403) && this.#session.refused(status)) continue;
      return fieldsOf(jsonOf(answer, where, this.#options.clock.now()), `${where}: the answer`);
    }
  }
}

function statusFrom(status: Fields): HubStatus {
  if (!('versions' in status)) throw new WaystationError('upstream_lied', 'the status there is not that of a Pulp hub');
  const content = fieldsOf(status['content_settings'] ?? {}, "the status' content_settings");
  const origin = typeof content['content_origin'] === 'string' ? URL.parse(content['content_origin']) : null;
  return { domains: status['domain_enabled'] === true, contentOrigin: origin?.origin ?? null };
}
