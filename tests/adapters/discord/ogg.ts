// A well-formed Ogg Opus file of silence and noise, for voice messages. RFC 3533, RFC 7845.

const SAMPLES_PER_PACKET = 960;
const PRE_SKIP = 312;

/** Packets of 20 ms, in pages of 25. */
export function makeOggOpus(seconds: number): Buffer {
  const head = Buffer.from('OpusHead\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000', 'latin1');
  head.writeUInt16LE(PRE_SKIP, 10);
  head.writeUInt32LE(48_000, 12);
  const tags = Buffer.from('OpusTags\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000', 'latin1');
  const total = Math.ceil((seconds * 48_000 + PRE_SKIP) / SAMPLES_PER_PACKET);
  const packets = Array.from({ length: total }, (_, i) => Buffer.alloc(i % 40 < 20 ? 12 : 300, i % 256));
  const pages = [makePage([head], 0n, 0), makePage([tags], 0n, 1)];
  for (let at = 0; at < packets.length; at += 25) {
    const end = Math.min(packets.length, at + 25);
    const isLast = end === packets.length;
    const samples = isLast ? Math.round(seconds * 48_000) + PRE_SKIP : end * SAMPLES_PER_PACKET;
    pages.push(makePage(packets.slice(at, end), BigInt(samples), pages.length));
  }
  return Buffer.concat(pages);
}

function makePage(packets: readonly Buffer[], position: bigint, sequence: number): Buffer {
  const lacing = packets.flatMap(({ length }) => [...Array<number>(Math.floor(length / 255)).fill(255), length % 255]);
  const header = Buffer.alloc(27);
  header.write('OggS', 0, 'latin1');
  header.writeBigInt64LE(position, 6);
  header.writeUInt32LE(7, 14);
  header.writeUInt32LE(sequence, 18);
  header.writeUInt8(lacing.length, 26);
  return Buffer.concat([header, Buffer.from(lacing), ...packets]);
}
