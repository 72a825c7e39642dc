import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../base/log.ts';
import { sendBody } from '../../web/body-writer.ts';
import { openListener, type Listener, type ListenerOptions } from '../../web/listener.ts';
import { CertificateAuthority, type KeyPair } from '../support/faulty-origin-certificates.ts';
import { memorySource } from '../support/memory-source.ts';
import { rawConnection } from '../support/raw-connection.ts';
import { describeWith, tool } from '../support/tools.ts';

const bytes = Buffer.alloc(3_000_000, 'x');

describeWith([tool('openssl')], 'a listener over TLS', () => {
  let authority: CertificateAuthority;
  let tls: KeyPair;
  let listener: Listener;
  beforeAll(async () => {
    authority = await CertificateAuthority.create();
    tls = await authority.issue('pop');
  });
  afterAll(() => authority[Symbol.asyncDispose]());
  afterEach(() => listener?.drain(0));

  const open = async (options: Partial<ListenerOptions> = {}): Promise<number> => {
    listener = await openListener({
      address: '127.0.0.1:0',
      tls,
      log: silentLogger,
      onRequest: (request, response) => {
        response.writeHead(200, { 'content-length': bytes.length });
        const failAt = request.url === '/cut' ? 1_000_000 : Infinity;
        return void sendBody(response, memorySource(bytes, { failAt }), 0, null);
      },
      ...options,
    });
    return listener.port ?? 0;
  };
  const bodyLength = (text: string): number => text.length - text.indexOf('\r\n\r\n') - 4;

  test('serves a body whole', async () => {
    const connection = await rawConnection(await open(), { tls: true });
    connection.send('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(bodyLength((await connection.closed()).text)).toBe(bytes.length);
  });

  test('cuts where the source fails', async () => {
    const connection = await rawConnection(await open(), { tls: true });
    connection.send('GET /cut HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(bodyLength((await connection.closed()).text)).toBeLessThanOrEqual(1_000_000);
  });

  test('drains: idle connections go at once, an open one after its answer', async () => {
    const port = await open();
    const idle = await rawConnection(port, { tls: true });
    const busy = await rawConnection(port, { tls: true });
    busy.socket.pause();
    busy.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    idle.send('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until('\r\n\r\n');
    const drained = listener.drain(60_000);
    await idle.closed();
    busy.socket.resume();
    expect(bodyLength((await busy.closed()).text)).toBe(bytes.length);
    await drained;
  });

  describe('closes', () => {
    const limits = { headersTimeout: 150, requestTimeout: 150, checkInterval: 30 };

    test.each([
      ['says nothing', ''],
      ['speaks plain HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ])('who %s', async (_name, text) => {
      const connection = await rawConnection(await open({ limits }));
      connection.send(text);
      await connection.closed();
    });

    test('who never sends a request', async () => {
      const connection = await rawConnection(await open({ limits }), { tls: true });
      expect((await connection.closed()).text).toMatch(/^(?:HTTP\/1.1 408[^]*)?$/);
    });
  });

  test.each([
    ['no certificate', { cert: 'nonsense', key: 'nonsense' }],
    ['a key of another certificate', null],
  ])('with %s is refused', async (_name, bad) => {
    const other = await authority.issue('other');
    await expect(open({ tls: bad ?? { cert: tls.cert, key: other.key } })).rejects.toMatchObject({
      code: 'listen_failed',
      message: expect.stringContaining('certificate or key unusable'),
    });
  });
});
