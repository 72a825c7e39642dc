import type { TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { silentLogger } from '../../../base/log.ts';
import { Authority } from '../../../hub/keys/authority.ts';
import { KeyFolder } from '../../../hub/keys/key-folder.ts';
import { ServerCertificate } from '../../../hub/service/server-certificate.ts';
import { openListener } from '../../../web/listener.ts';
import { rawConnection } from '../../support/raw-connection.ts';
import type { RawConnection } from '../../support/raw-connection.ts';
import { StandingClock } from '../../support/standing-clock.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const day = 24 * 60 * 60_000;
const shown = ({ socket }: RawConnection): string => (socket as TLSSocket).getPeerCertificate().serialNumber;

test('the certificate of a hub is made anew before it ends; connections that are open go on', async () => {
  await using directory = await temporaryDirectory();
  const clock = new StandingClock(Date.now());
  const authority = await Authority.make(new KeyFolder(directory.path), 'localhost', clock.now());
  const certificate = new ServerCertificate({ authority, host: 'localhost', clock, log: silentLogger });
  const listener = await openListener({
    address: '127.0.0.1:0',
    tls: await certificate.make(),
    clientsOf: authority.certificate,
    log: silentLogger,
    onRequest: (_request, response) => void response.end('here'),
  });
  const show = listener.identify.bind(listener);
  try {
    const port = listener.port ?? 0;
    const first = await rawConnection(port, { tls: true });
    expect(certificate.until).toBe(clock.now() + 30 * day);

    clock.advance(19 * day);
    await certificate.renew(show);
    expect(shown(await rawConnection(port, { tls: true }))).toBe(shown(first));

    clock.advance(2 * day);
    await certificate.renew(show);
    expect(certificate.until).toBe(clock.now() + 30 * day);
    const second = await rawConnection(port, { tls: true });
    expect(shown(second)).not.toBe(shown(first));
    for (const connection of [first, second]) {
      connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      expect(await connection.until('here')).toContain('200 OK');
      connection.socket.destroy();
    }
  } finally {
    await listener.drain(0);
  }
});
