import { BlockList, isIP } from 'node:net';
import { literalAddress } from './address-kind.ts';

/**
 * Whether a URL is reached without the proxy. Entries as other programs read them: `example.com` and `.example.com`
 * also mean every host below, `host:port` that port alone, an address or a network in CIDR form only hosts that are
 * spelled as addresses (names are not resolved for this), `*` everything.
 */
export function bypassesProxy(url: URL, noProxy: readonly string[]): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  const address = literalAddress(url.hostname);
  return noProxy.some((entry) => {
    const wanted = entry.trim().toLowerCase();
    if (wanted === '*') return true;
    if (wanted === '') return false;
    if (address !== null) return matchesAddress(address, wanted, port);
    const [host = '', onlyPort] = wanted.split(':');
    if (onlyPort !== undefined && onlyPort !== port) return false;
    const domain = host.replace(/^\*?\./, '');
    return url.hostname === domain || url.hostname.endsWith(`.${domain}`);
  });
}

function matchesAddress(address: string, entry: string, port: string): boolean {
  const [network = '', prefix] = entry.split('/');
  const family = isIP(network);
  if (family === 0) {
    const bare = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(entry);
    return (bare?.[1] ?? bare?.[2]) === address && (bare?.[3] ?? port) === port;
  }
  const list = new BlockList();
  const name = family === 6 ? 'ipv6' : 'ipv4';
  const bits = prefix === undefined ? (family === 6 ? 128 : 32) : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === 6 ? 128 : 32)) return false;
  list.addSubnet(network, bits, name);
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
