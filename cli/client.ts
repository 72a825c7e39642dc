import { Client, errors } from 'undici';
import { errorCatalogue, type ErrorCode, systemCode, WaystationError } from '../base/errors.ts';

/** A talk with the running service over its admin socket. Close it, or the process stays. */
export interface ServiceClient {
  /** @throws WaystationError `service_not_running`, or what the service refused, by its own code. */
  get(path: string): Promise<unknown>;
  post(path: string, body: object): Promise<unknown>;
  close(): Promise<void>;
}

/** Milliseconds until the service must have begun to answer. Above the longest wait that a command asks for. */
const answerWithin = 90_000;

/** Connects when first asked. @param socketPath `listen.socket` of the configuration. */
export function serviceClient(socketPath: string): ServiceClient {
  // The host is never looked up: the socket decides where it goes.
  const client = new Client('http://waystation.invalid', {
    socketPath,
    headersTimeout: answerWithin,
    bodyTimeout: answerWithin,
  });
  const ask = async (method: 'GET' | 'POST', path: string, body: object | null): Promise<unknown> => {
    const response = await client
      .request({
        method,
        path,
        ...(body === null ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      .catch((error: unknown) => {
        throw notReached(socketPath, error);
      });
    const text = await response.body.text().catch((error: unknown) => {
      throw notReached(socketPath, error);
    });
    return answerOf(response.statusCode, text);
  };
  return {
    get: (path) => ask('GET', path, null),
    post: (path, body) => ask('POST', path, body),
    close: () => client.destroy(),
  };
}

/** What an API of ours answered. @throws WaystationError what it refused, by its own code. */
export function answerOf(status: number, text: string): unknown {
  const answer = jsonOf(text);
  if (status < 400 && answer !== undefined) return answer;
  throw refusal(status, answer);
}

function notReached(socketPath: string, error: unknown): WaystationError {
  const code = systemCode(error);
  const options = { cause: error };
  if (code === 'EACCES' || code === 'EPERM')
    return new WaystationError('denied', `no permission to use ${socketPath}: try as root or in its group`, options);
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new WaystationError(
      'service_not_running',
      `the service is not running (nothing answers at ${socketPath})`,
      options,
    );
  if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError)
    return new WaystationError('service_not_running', `the service does not answer at ${socketPath}`, options);
  return new WaystationError('service_not_running', `the service went away (${socketPath})`, options);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What the service said about why not. Codes of a newer service that are unknown here become `internal`. */
function refusal(status: number, problem: unknown): WaystationError {
  const { code, detail } = (typeof problem === 'object' && problem !== null ? problem : {}) as Record<string, unknown>;
  const message = typeof detail === 'string' ? detail : `the service answered ${status} without a reason`;
  return new WaystationError(isErrorCode(code) ? code : 'internal', message);
}

function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(errorCatalogue, code);
}
