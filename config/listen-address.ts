import { isIP } from 'node:net';

/** Where to listen. */
export interface HostAndPort {
  /** An IP address in canonical form without brackets, or a host name. */
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
}

export const listenAddressPattern = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
const hostName = /^(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/** Reads `127.0.0.1:8080`, `[::]:8080` or `localhost:8080`; null when it is none. */
export function parseListenAddress(text: string): HostAndPort | null {
  const match = listenAddressPattern.exec(text);
  if (match?.[1] === undefined) return null;
  const port = Number(match[2]);
  if (port > 65_535) return null;
  if (match[1].startsWith('[')) {
    const inner = match[1].slice(1, -1);
    if (isIP(inner) !== 6) return null;
    // The URL parser shortens IPv6 addresses to their one canonical form (RFC 5952).
    return { host: new URL(`http://[${inner}]`).hostname.slice(1, -1), port };
  }
  return isIP(match[1]) === 4 || hostName.test(match[1]) ? { host: match[1].toLowerCase(), port } : null;
}

/** Whether it means every address of the machine, so that no client can be told to use it. */
export function isWildcard({ host }: HostAndPort): boolean {
  return host === '0.0.0.0' || host === '::' || host === '::ffff:0:0';
}

export function formatHostAndPort({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
