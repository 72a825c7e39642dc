import { expect, test } from 'vitest';
import { WaystationError } from '../../base/errors.ts';
import { silentLogger } from '../../base/log.ts';
import { openListener } from '../../web/listener.ts';
import { multipartBoundary, sendProblem } from '../../web/response.ts';
import { rawConnection } from '../support/raw-connection.ts';

test.each(['GET', 'HEAD'])(
  '%s is answered with a problem, its length and the headers of the caller',
  async (method) => {
    const error = new WaystationError('upstream_timeout', 'https://a.example/é did not answer', { retryAfter: 7 });
    const listener = await openListener({
      address: '127.0.0.1:0',
      log: silentLogger,
      onRequest: (_request, response) => sendProblem(response, error, { 'cache-status': 'waystation; fwd=miss' }),
    });
    const connection = await rawConnection(listener.port ?? 0);
    connection.send(`${method} /a/%2b?token=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    const { text } = await connection.closed();
    await listener.drain(0);
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toContain('HTTP/1.1 504 Gateway Timeout');
    expect(head).toContain('retry-after: 7');
    expect(head).toContain('cache-status: waystation; fwd=miss');
    if (method === 'HEAD') return expect(body).toBe('');
    expect(head).toContain(`content-length: ${body.length}\r\n`);
    const problem: unknown = JSON.parse(Buffer.from(body, 'latin1').toString());
    expect(problem).toMatchObject({ code: 'upstream_timeout', instance: '/a/%2b', detail: error.message });
  },
);

test('a multipart boundary is new each time', () => {
  expect(multipartBoundary()).not.toBe(multipartBoundary());
});
