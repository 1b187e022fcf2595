// What Discord wants to know of a voice message: its length and a picture of its loudness. Read from the Ogg pages without decoding:
// a codec with a variable rate spends more bytes on louder parts. Ogg: RFC 3533, Opus in Ogg: RFC 7845.

export interface VoiceNote {
  seconds: number;
  /** Base64, a byte per point. */
  waveform: string;
}

/** "no more than 256 datapoints", at most one per 100 ms, https://docs.discord.com/developers/resources/message#voice-messages, read 2026-11-21. */
const MAX_POINTS = 256;
const POINTS_PER_SECOND = 10;
/** Positions count samples at this rate, whatever rate was recorded (RFC 7845, section 4). */
const SAMPLES_PER_SECOND = 48_000;
/** "32kbps Opus": for a guess where the container does not say. */
const GUESSED_BYTES_PER_SECOND = 4_000;

/** Of any bytes: what cannot be read is guessed, since both are for show only. */
export function readVoiceNote(bytes: Uint8Array): VoiceNote {
  const { packets, samples } = readPackets(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const isOpus = packets[0]?.subarray(0, 8).toString('latin1') === 'OpusHead';
  const skipped = isOpus && packets[0] && packets[0].length >= 12 ? packets[0].readUInt16LE(10) : 0;
  const measured = isOpus ? (samples - skipped) / SAMPLES_PER_SECOND : 0;
  const seconds = measured > 0 ? measured : bytes.length / GUESSED_BYTES_PER_SECOND;
  // The first two packets are headers.
  const sizes = packets.slice(2).map((packet) => packet.length);
  return { seconds: Math.max(0.1, Math.round(seconds * 1_000) / 1_000), waveform: drawWaveform(sizes, seconds) };
}

function readPackets(bytes: Buffer): { packets: readonly Buffer[]; samples: number } {
  const packets: Buffer[] = [];
  let open: Buffer[] = [];
  let samples = 0;
  for (let at = 0; at + 27 <= bytes.length && bytes.toString('latin1', at, at + 4) === 'OggS';) {
    const position = bytes.readBigInt64LE(at + 6);
    if (position > 0n) samples = Number(position);
    const segments = bytes.subarray(at + 27, at + 27 + bytes.readUInt8(at + 26));
    let data = at + 27 + segments.length;
    for (const size of segments) {
      open.push(bytes.subarray(data, data + size));
      data += size;
      // A segment of 255 goes on in the next one.
      if (size === 255) continue;
      packets.push(Buffer.concat(open));
      open = [];
    }
    at = data;
  }
  return { packets, samples };
}

function drawWaveform(sizes: readonly number[], seconds: number): string {
  const count = Math.min(MAX_POINTS, Math.max(1, Math.ceil(seconds * POINTS_PER_SECOND)), Math.max(1, sizes.length));
  const points = Array.from({ length: count }, (_, i) => {
    const part = sizes.slice(Math.floor((i * sizes.length) / count), Math.floor(((i + 1) * sizes.length) / count));
    return part.reduce((sum, size) => sum + size, 0) / Math.max(1, part.length);
  });
  const loudest = points.reduce((most, point) => Math.max(most, point), 1);
  return Buffer.from(points.map((point) => Math.round((point / loudest) * 255))).toString('base64');
}
