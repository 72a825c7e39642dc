import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** Whether a request announces a body (RFC 9112 §6.3), of whatever length. */
export function announcesBody(request: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

/** A GET or HEAD with a body: answered, but its connection is not used again, so nothing can hide behind it. */
export function isReadWithBody(request: IncomingMessage): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && announcesBody(request);
}

/**
 * Whether a request that Node's parser let pass may be answered: exactly one Host field, which HTTP/1.0 may leave out
 * (RFC 9112 §3.2; Node keeps the first of several silently), and no transfer coding but `chunked` (§6.1; Node would read
 * another one until the connection ends, and a proxy before us otherwise).
 */
export function isWellFormed(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  const isOld = request.httpVersion === '1.0';
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  const coding = request.headers['transfer-encoding'];
  const isFramed = coding === undefined || (coding.toLowerCase() === 'chunked' && !isOld);
  return isFramed && (hosts === 1 || (hosts === 0 && isOld));
}

/**
 * The status for what Node's parser or timers refused; null when nobody is there to be answered (a reset connection, a
 * failed TLS handshake).
 */
export function statusOfParserError(error: Error): number | null {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return 413;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 408;
  return code.startsWith('HPE_') ? 400 : null;
}

/** Answers on a connection that has no response object, and closes it. */
export function refuseConnection(socket: Duplex, status: number): void {
  const allow = status === 405 ? 'Allow: GET, HEAD\r\n' : '';
  // The callback runs when the kernel has the answer. Waiting for the other side to close would let it stay.
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${allow}Connection: close\r\nContent-Length: 0\r\n\r\n`,
    () => socket.destroy(),
  );
}

/** Answers a request that was parsed but must not reach a handler, and closes its connection. */
export function refuseRequest(response: ServerResponse, status: number): void {
  response.shouldKeepAlive = false;
  response.writeHead(status, { 'content-length': '0' }).end();
}
