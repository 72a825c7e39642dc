import { BlockList, isIP } from 'node:net';

/** Kinds of addresses that lead to this machine or its immediate neighbours; null: any other. */
export type AddressKind = 'loopback' | 'link-local' | 'unspecified' | 'multicast' | null;

/** IPv4-mapped IPv6 addresses match the IPv4 networks (measured). 169.254.169.254 is the clouds' metadata service. */
const networks: Record<Exclude<AddressKind, null>, readonly [string, number, 'ipv4' | 'ipv6'][]> = {
  loopback: [
    ['127.0.0.0', 8, 'ipv4'],
    ['::1', 128, 'ipv6'],
  ],
  'link-local': [
    ['169.254.0.0', 16, 'ipv4'],
    ['fe80::', 10, 'ipv6'],
  ],
  unspecified: [
    ['0.0.0.0', 8, 'ipv4'],
    ['::', 128, 'ipv6'],
  ],
  multicast: [
    ['224.0.0.0', 4, 'ipv4'],
    ['255.255.255.255', 32, 'ipv4'],
    ['ff00::', 8, 'ipv6'],
  ],
};

const lists = Object.entries(networks).map(([kind, subnets]) => {
  const list = new BlockList();
  for (const [address, prefix, family] of subnets) list.addSubnet(address, prefix, family);
  return [kind as Exclude<AddressKind, null>, list] as const;
});

/** @param address an IP address, without brackets. */
export function addressKind(address: string): AddressKind {
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  return lists.find(([, list]) => list.check(address, family))?.[0] ?? null;
}

/** The address that a URL's host spells out, without brackets; null when it is a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(bare) === 0 ? null : bare;
}
