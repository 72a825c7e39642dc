import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { request } from 'undici';

/** An object of Pulp's API, as far as tests look at it. */
export interface PulpObject {
  readonly pulp_href: string;
  readonly prn: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

interface Session {
  readonly cookie: string;
  readonly token: string;
}

interface Content {
  readonly type: string;
  readonly body: Buffer | string;
}

function json(value: object): Content {
  return { type: 'application/json', body: JSON.stringify(value) };
}

export interface RestOptions {
  /** Scheme, host and port of the API. */
  readonly origin: string;
  readonly username: string;
  readonly password: string;
}

/**
 * Pulp's REST API for those who fill it: by session cookie, since each Basic login costs the hub a fifth of a second.
 * Every method throws with the server's own words when the answer is no 2xx.
 */
export class PulpRest {
  readonly #options: RestOptions;
  #session: Promise<Session> | null = null;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /** @param path an href, or `<domain>:<what follows /api/v3/>`. */
  async get<T = PulpObject>(path: string): Promise<T> {
    return (await this.#send('GET', path)) as T;
  }

  async list(path: string): Promise<readonly PulpObject[]> {
    return (await this.get<{ results: readonly PulpObject[] }>(path)).results;
  }

  async post<T = PulpObject>(path: string, body: object): Promise<T> {
    return (await this.#send('POST', path, json(body))) as T;
  }

  /** Posts, waits for the task if the answer is one, and returns what was made. */
  async create(path: string, body: object): Promise<PulpObject> {
    const answer = await this.post<Partial<PulpObject> & { task?: string }>(path, body);
    if (answer.task === undefined) return answer as PulpObject;
    const [made] = await this.finished(answer.task);
    if (made === undefined) throw new Error(`${path}: the task made nothing`);
    return this.get(made);
  }

  /** Posts to an action of an object and waits for its task; returns the hrefs of what it made. */
  async act(path: string, body: object): Promise<readonly string[]> {
    return this.finished((await this.post<{ task: string }>(path, body)).task);
  }

  async patch(path: string, body: object): Promise<void> {
    await this.#settled(await this.#send('PATCH', path, json(body)));
  }

  async delete(path: string): Promise<void> {
    await this.#settled(await this.#send('DELETE', path));
  }

  /** Uploads a package and returns its content unit. */
  async upload(domain: string, file: string): Promise<PulpObject> {
    const boundary = 'a-boundary-that-no-package-holds';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${basename(file)}"\r\n\r\n`;
    const body = Buffer.concat([Buffer.from(head), await readFile(file), Buffer.from(`\r\n--${boundary}--\r\n`)]);
    const type = `multipart/form-data; boundary=${boundary}`;
    return (await this.#send('POST', `${domain}:content/rpm/packages/upload/`, { body, type })) as PulpObject;
  }

  /** @throws Error with the task's own error when it failed. */
  async finished(task: string): Promise<readonly string[]> {
    for (;;) {
      const {
        state,
        error,
        created_resources: made,
      } = await this.get<{
        state: string;
        error: unknown;
        created_resources: readonly string[];
      }>(task);
      if (state === 'completed') return made;
      if (state === 'failed' || state === 'canceled') throw new Error(`${task} ${state}: ${JSON.stringify(error)}`);
      await pause(50);
    }
  }

  async #settled(answer: unknown): Promise<void> {
    if (typeof answer === 'object' && answer !== null && 'task' in answer) await this.finished(answer.task as string);
  }

  async #send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, content?: Content): Promise<unknown> {
    this.#session ??= this.#login();
    const { cookie, token } = await this.#session;
    const answer = await request(this.#url(path), {
      method,
      headers: { cookie, 'x-csrftoken': token, ...(content === undefined ? {} : { 'content-type': content.type }) },
      ...(content === undefined ? {} : { body: content.body }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 2000)}`);
    return text === '' ? null : (JSON.parse(text) as unknown);
  }

  async #login(): Promise<Session> {
    const { username, password } = this.#options;
    const answer = await request(this.#url('default:login/'), {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
    });
    await answer.body.dump();
    const cookies = [answer.headers['set-cookie'] ?? []].flat().map((cookie) => cookie.split(';')[0] ?? '');
    const token = cookies.find((cookie) => cookie.startsWith('csrftoken='))?.slice('csrftoken='.length);
    if (token === undefined) throw new Error(`no session for ${username}: ${answer.statusCode}`);
    return { cookie: cookies.join('; '), token };
  }

  #url(path: string): string {
    const [, domain, rest] = /^([a-z]+):(.*)$/.exec(path) ?? [];
    return `${this.#options.origin}${rest === undefined ? path : `/pulp/${domain}/api/v3/${rest}`}`;
  }
}
