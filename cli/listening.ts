import { asWaystationError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { ListenAddress } from '../config/config.ts';
import { secretFile } from '../config/secrets.ts';
import type { Listener, ListenerOptions } from '../web/listener.ts';

/** A read-only state directory holds no socket: the service serves without one, and says so. */
export async function socketListener(log: Logger, listen: () => Promise<Listener>): Promise<void> {
  try {
    await listen();
  } catch (error) {
    const failure = asWaystationError(error);
    if (!/EROFS|EACCES/.test(failure.message)) throw failure;
    log.error({ error: failure.message }, 'commands cannot reach this service: its socket cannot be made');
  }
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function addressText({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Certificate and key of an address, read now; nothing for plain HTTP. */
export async function tlsOf({ tls }: ListenAddress): Promise<Pick<ListenerOptions, 'tls'>> {
  if (tls === null) return {};
  return { tls: { cert: await secretFile(tls.cert).read(), key: await secretFile(tls.key).read() } };
}
