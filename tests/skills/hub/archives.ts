// Archives for tests, written byte by byte so that they can also be what no honest tool makes.
import { gzipSync } from 'node:zlib';
import { zipSync, type Zippable } from 'fflate';

export interface TarEntry {
  name: string;
  content?: string | Uint8Array;
  /** Type flag; '0' is a file, '2' a symbolic link, '5' a folder, 'x' a pax header. */
  type?: string;
  target?: string;
}

export function tarGz(entries: readonly TarEntry[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { name, content = '', type = '0', target = '' } of entries) {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    header.write(name, 0, 100, 'utf8');
    header.write('0000644\0', 100);
    header.write(`${body.byteLength.toString(8).padStart(11, '0')}\0`, 124);
    header.write('        ', 148);
    header.write(type, 156);
    header.write(target, 157);
    header.write('ustar\0' + '00', 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, body, Buffer.alloc((512 - (body.byteLength % 512)) % 512));
  }
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** "<length> path=<value>\n", where the length counts itself. */
export function paxRecord(value: string): string {
  const rest = ` path=${value}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (String(length).length + Buffer.byteLength(rest) !== length)
    length = String(length).length + Buffer.byteLength(rest);
  return `${length}${rest}`;
}

export function zip(files: Record<string, string | Uint8Array>, links: readonly string[] = []): Uint8Array {
  const entries: Zippable = {};
  for (const [name, content] of Object.entries(files))
    entries[name] = links.includes(name)
      ? [Buffer.from(content), { os: 3, attrs: (0o120777 << 16) >>> 0 }]
      : Buffer.from(content);
  return zipSync(entries, { level: 6 });
}

/** Changes a 32-bit number of every entry of the central directory. */
export function patchDirectory(archive: Uint8Array, offset: number, value: number): Uint8Array {
  const copy = Buffer.from(archive);
  for (let at = copy.indexOf('PK\u0001\u0002'); at >= 0; at = copy.indexOf('PK\u0001\u0002', at + 4))
    copy.writeUInt32LE(value, at + offset);
  return copy;
}
