import { WaystationError } from '../base/errors.ts';

/** Where to listen: a TCP port of a host, or a socket in the file system. */
export type ListenAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * Reads `host:port`, `[IPv6]:port` or the absolute path of a Unix socket.
 * @throws WaystationError `listen_failed`
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('/')) return { path: text };
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.%a-z]+)\]|(?<name>[^\s:/[\]]+)):(?<port>[0-9]{1,5})$/.exec(text);
  const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port']);
  if (host === undefined || port > 65_535) {
    throw new WaystationError('listen_failed', `cannot listen on ${text}: expected host:port, [IPv6]:port or /path`);
  }
  return { host, port };
}

/** The same text for what a server is bound to. */
export function formatListenAddress(address: ListenAddress): string {
  if ('path' in address) return address.path;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
