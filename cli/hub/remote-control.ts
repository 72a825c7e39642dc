import { Client } from 'undici';
import { systemCode, WaystationError } from '../../base/errors.ts';
import type { HubControl } from '../../hub/api/control.ts';
import { answerOf } from '../client.ts';

/** An operator: by a token, or by certificate and key (PEM). */
export type RemoteIdentity = { readonly token: string } | { readonly cert: string; readonly key: string };

export interface RemoteHub {
  /** Base URL, https. */
  readonly url: string;
  readonly as: RemoteIdentity;
  /** Certificate of the hub's authority, PEM; null: what the system trusts. */
  readonly ca: string | null;
}

/** Milliseconds until the hub must have begun to answer: gates take their time. */
const answerWithin = 600_000;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What can be done to a hub elsewhere, by its API. What it refuses has its own code. */
export function remoteControl(there: RemoteHub): HubControl {
  // The documents of the API are those that this is made of: the hub's own test compares them.
  const ask = async <T>(method: Method, path: string, body?: object): Promise<T> =>
    (await asked(there, { method, path, body: body ?? null })) as T;
  const get = <T>(path: string): Promise<T> => ask('GET', path);
  const post = <T>(path: string, body: object): Promise<T> => ask('POST', path, body);
  const part = encodeURIComponent;
  return {
    snapshots: () => get('/snapshots'),
    snapshot: (name) => get(`/snapshots/${part(name)}`),
    diff: (from, to) => get(`/snapshots/${part(from)}/diff/${part(to)}`),
    notes: (name) => get(`/snapshots/${part(name)}/notes`),
    note: ({ snapshot, ...body }) => post(`/snapshots/${part(snapshot)}/notes`, body),
    check: ({ snapshot, ...body }) => post(`/snapshots/${part(snapshot)}/check`, body),
    reports: (name, all) => get(`/snapshots/${part(name)}/reports?all=${all}`),
    retire: ({ snapshot, ...body }) => post(`/snapshots/${part(snapshot)}/retire`, body),
    channels: () => get('/channels'),
    channel: (name) => get(`/channels/${part(name)}`),
    promote: ({ channel, ...body }) => post(`/channels/${part(channel)}/promote`, body),
    rollback: ({ channel, ...body }) => post(`/channels/${part(channel)}/rollback`, body),
    pops: () => get('/pops'),
    pop: (pop) => get(`/pops/${part(pop)}`),
    labelPop: (pop, labels) => post(`/pops/${part(pop)}/labels`, { labels }),
    renamePop: (pop, name) => post(`/pops/${part(pop)}/rename`, { name }),
    revokePop: (pop, why) => post(`/pops/${part(pop)}/revoke`, { why }),
    tokens: () => get('/tokens'),
    createToken: (body) => post('/tokens', body),
    createOperator: (body) => post('/operators', body),
    certifyOperator: (body) => post('/operators/certificates', body),
    revokeToken: (id) => ask('DELETE', `/tokens/${part(id)}`),
    assignments: () => get('/assignments'),
    setAssignments: (assignments) => ask('PUT', '/assignments', { assignments }),
    audit: (since) => get(`/audit${since === -Infinity ? '' : `?since=${new Date(since).toISOString()}`}`),
  };
}

async function asked(
  { url, as, ca }: RemoteHub,
  { method, path, body }: { readonly method: Method; readonly path: string; readonly body: object | null },
): Promise<unknown> {
  const { origin, pathname } = new URL(url);
  const client = new Client(origin, {
    headersTimeout: answerWithin,
    bodyTimeout: answerWithin,
    connect: { ...(ca === null ? {} : { ca }), ...('cert' in as ? as : {}) },
  });
  try {
    const response = await client.request({
      method,
      path: `${pathname.replace(/\/+$/, '')}/api/v1${path}`,
      headers: {
        ...('token' in as ? { authorization: `Bearer ${as.token}` } : {}),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    return answerOf(response.statusCode, await response.body.text());
  } catch (error) {
    throw error instanceof WaystationError ? error : notReached(origin, error);
  } finally {
    await client.destroy();
  }
}

const certificateProblems = /^(ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/;

function notReached(url: string, cause: unknown): WaystationError {
  const code = systemCode(cause) ?? '';
  if (certificateProblems.test(code)) {
    const why = `${url} cannot show that it is the hub (${code})`;
    return new WaystationError('untrusted', `${why}: name its authority by --ca, the file ca.crt of its keys`, {
      cause,
    });
  }
  return new WaystationError('service_not_running', `no hub can be reached at ${url} (${code})`, { cause });
}
