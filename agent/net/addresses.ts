// Which IP addresses belong to the public internet. Everything else (this machine, home and company networks, cloud metadata, ranges
// that carry another address inside) is refused; what a range is for stands beside it.
import { BlockList, isIP } from 'node:net';

/** IPv4 that no public server has: https://www.iana.org/assignments/iana-ipv4-special-registry (read 2026-11-21). */
const SPECIAL_V4: readonly (readonly [net: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this host
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT; also metadata of one cloud, and overlay networks
  ['127.0.0.0', 8], // loopback
  ['169.254.0.0', 16], // link-local; metadata of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
];

/** Inside 2000::/3, the only range that public servers have; everything outside it is refused as a whole. */
const SPECIAL_V6: readonly (readonly [net: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments: Teredo, benchmarks, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: carries an IPv4 address
  ['3fff::', 20], // documentation
];

/** What gives keys to whoever asks, on the machines of clouds. Refused even where private addresses are allowed. */
const METADATA_V4: readonly string[] = [
  '169.254.169.254',
  '169.254.170.2', // containers of AWS
  '169.254.170.23',
  '100.100.100.200', // Alibaba
  '168.63.129.16', // Azure: a public address that reaches the host
  '192.0.0.192', // Oracle
];
const METADATA_V6: readonly string[] = ['fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254'];

const privateV4 = listOf('ipv4', SPECIAL_V4);
const globalV6 = listOf('ipv6', [['2000::', 3]]);
const specialV6 = listOf('ipv6', SPECIAL_V6);
const metadataV4 = listOf(
  'ipv4',
  METADATA_V4.map((address) => [address, 32]),
);
const metadataV6 = listOf(
  'ipv6',
  METADATA_V6.map((address) => [address, 128]),
);

export type AddressKind = 'public' | 'private' | 'metadata';

/** What kind of address `text` is. Anything that is no IP address is `private`: it is not gone to. */
export function addressKind(text: string): AddressKind {
  const bare = text.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
  switch (isIP(bare)) {
    case 4:
      if (metadataV4.check(bare, 'ipv4')) return 'metadata';
      return privateV4.check(bare, 'ipv4') ? 'private' : 'public';
    case 6:
      return kindOfV6(bare);
    default:
      return 'private';
  }
}

function kindOfV6(text: string): AddressKind {
  if (metadataV6.check(text, 'ipv6')) return 'metadata';
  const inner = carriedV4(text);
  if (inner !== undefined) return addressKind(inner);
  return globalV6.check(text, 'ipv6') && !specialV6.check(text, 'ipv6') ? 'public' : 'private';
}

/** The IPv4 address in a mapped (::ffff:0:0/96) or NAT64 (64:ff9b::/96) one: it is where such a connection ends. */
function carriedV4(text: string): string | undefined {
  const groups = groupsOf(text);
  if (groups === undefined) return undefined;
  const [a, b, c, d, e, f, high = 0, low = 0] = groups;
  const isMapped = !a && !b && !c && !d && !e && f === 0xffff;
  const isNat64 = a === 0x64 && b === 0xff9b && !c && !d && !e && !f;
  if (!isMapped && !isNat64) return undefined;
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight 16-bit groups. The URL parser writes every form of an address in the same way. */
function groupsOf(text: string): readonly number[] | undefined {
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const plain = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const numbers = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = numbers(head);
  if (tail === undefined) return left;
  const right = numbers(tail);
  return [...left, ...Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => 0), ...right];
}

function listOf(family: 'ipv4' | 'ipv6', nets: readonly (readonly [net: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [net, prefix] of nets) list.addSubnet(net, prefix, family);
  return list;
}
