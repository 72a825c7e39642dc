import type { Clock } from '../../base/clock.ts';
import { WaystationError } from '../../base/errors.ts';
import type { ApiAnswer, ApiConnection } from './api-connection.ts';
import { reasonIn } from './api-answer.ts';

export interface SessionOptions {
  readonly connection: ApiConnection;
  readonly username: string | null;
  readonly clock: Clock;
}

/** Milliseconds. A session that was just begun and is refused was never one: no use in beginning another. */
const young = 30_000;

/**
 * Who asks a hub's API. Basic costs a Pulp about 200 ms of CPU for each request (it hashes the password), a session's
 * cookie 20 ms and lasts 14 days, so one login serves many polls. Where a login is impossible, Basic is shown each time.
 */
export class Session {
  readonly #options: SessionOptions;
  #cookie: { readonly text: string; readonly begun: number } | null = null;
  /** The hub knows no login, or does not keep to its cookies. */
  #impossible = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /**
   * @param login URL of the login.
   * @throws WaystationError `upstream_unauthorized` when the hub refuses the password; what the connection throws.
   */
  async authentication(login: URL, signal: AbortSignal): Promise<Record<string, string>> {
    const basic = await this.#options.connection.basic(login);
    if (basic === null) return {};
    if (this.#cookie === null && !this.#impossible) await this.#begin(login, basic, signal);
    return this.#cookie === null ? { authorization: basic } : { cookie: this.#cookie.text };
  }

  /** The hub refused what `authentication` gave. @returns true when asking again may help. */
  refused(status: 401 | 403): boolean {
    if (this.#cookie === null) return false;
    const fresh = this.#options.clock.monotonic() - this.#cookie.begun < young;
    // A session that was just begun is known: it may not have what it asks for.
    if (fresh && status === 403) return false;
    this.#impossible = fresh;
    this.#cookie = null;
    return true;
  }

  async #begin(url: URL, authorization: string, signal: AbortSignal): Promise<void> {
    const { connection, username, clock } = this.#options;
    const answer = await connection.send({ method: 'POST', url, authentication: { authorization } }, signal);
    if (answer.status === 401) {
      const who = username === null ? 'the user of its URL' : `user ${username}`;
      throw new WaystationError('upstream_unauthorized', `the hub refuses ${who}${reasonIn(answer)}`);
    }
    if (answer.status >= 500) {
      throw new WaystationError('upstream_status', `${url.origin}${url.pathname} answers ${answer.status}`);
    }
    const text = answer.status < 300 ? cookies(answer) : '';
    this.#impossible = text === '';
    this.#cookie = text === '' ? null : { text, begun: clock.monotonic() };
  }
}

/** What a reader has to send back: all but the token that only writers need. */
function cookies({ headers }: ApiAnswer): string {
  const pairs = [headers['set-cookie'] ?? []].flat().map((cookie) => (cookie.split(';')[0] ?? '').trim());
  return pairs.filter((pair) => /^[^=\s]+=[^\s]+$/.test(pair) && !pair.startsWith('csrftoken=')).join('; ');
}
