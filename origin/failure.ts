import { WaystationError } from '../base/errors.ts';
import { DisconnectedError, NotHttpError, SilenceError } from './wire/wire-errors.ts';

/*
 * undici's errors are told by their names: its classes would have it loaded before anything is asked of an upstream.
 */
const silent: readonly unknown[] = ['HeadersTimeoutError', 'BodyTimeoutError'];
/** Bytes came, but no response. Conflicting lengths come as a mismatch when the second is read. */
const notHttp: readonly unknown[] = ['HeadersOverflowError', 'HTTPParserError', 'ResponseContentLengthMismatchError'];

/** How far a request had come when it failed. */
export type Stage = 'head' | 'body';

/**
 * What a connection, undici or the system threw, in our words.
 * @param where the URL, fit for logs.
 */
export function transferFailure(thrown: unknown, stage: Stage, where: string): WaystationError {
  if (thrown instanceof WaystationError) return thrown;
  const options = { cause: thrown };
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof SilenceError || silent.includes(nameOf(thrown))) {
    return new WaystationError('upstream_timeout', `${where} sent nothing for too long`, options);
  }
  if (stage === 'body') return new WaystationError('upstream_cut', `${where} broke off: ${reason}`, options);
  if (thrown instanceof NotHttpError || notHttp.includes(nameOf(thrown))) {
    return new WaystationError('upstream_cut', `${where} does not answer in HTTP: ${reason}`, options);
  }
  if (isSocketFailure(thrown)) {
    return new WaystationError('upstream_cut', `${where} closed the connection without an answer: ${reason}`, options);
  }
  return new WaystationError('upstream_unreachable', `${where} cannot be reached: ${reason}`, options);
}

/** A failure of the link or the host, which says nothing about the file: what the breaker counts. */
export function isConnectionFailure(error: WaystationError): boolean {
  if (error.code === 'upstream_unreachable' || error.code === 'upstream_timeout') return true;
  return error.code === 'upstream_cut' && isSocketFailure(error.cause);
}

/** The connection was made, then lost. */
function isSocketFailure(thrown: unknown): boolean {
  if (thrown instanceof DisconnectedError || nameOf(thrown) === 'SocketError') return true;
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

function nameOf(thrown: unknown): unknown {
  return thrown instanceof Error ? thrown.name : undefined;
}
