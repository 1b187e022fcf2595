import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { estimateTool } from '../../../../agent/context/tokens.ts';
import { makeFileAccess } from '../../../../agent/tools/files/access.ts';
import { readFileRange } from '../../../../agent/tools/files/read.ts';
import { decodeText, describeBytes, encodeText } from '../../../../agent/tools/files/text-file.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { makeBench, makeContext, type Bench } from './fixture.ts';

let bench: Bench;
beforeEach(() => {
  bench = makeBench({
    openResult: async (id, { workspace }) =>
      id === 'r1' && workspace !== '' ? { text: 'a\nb\nc', origin: 'foreign' } : undefined,
  });
});
afterEach(() => bench.close());

const read = (args: object) => bench.call('read_file', args);

describe('read_file', () => {
  it('numbers lines and says how to go on', async () => {
    bench.put('a.txt', 'one\r\ntwo\nthree\nfour');
    expect((await read({ path: 'a.txt' })).text).toBe('1|one\n2|two\n3|three\n4|four');
    expect((await read({ path: 'a.txt', offset: 2, limit: 2 })).text).toBe(
      '2|two\n3|three\n[lines 2–3 of 4; go on with offset 4]',
    );
    expect((await read({ path: 'a.txt', offset: 9 })).text).toBe('[there are only 4 lines]');
    bench.put('empty', '');
    expect((await read({ path: 'empty' })).text).toBe('[empty]');
  });

  it('cuts long lines and long results', async () => {
    bench.put('wide', `${'x'.repeat(5_000)}\nend`);
    expect((await read({ path: 'wide' })).text).toBe(`1|${'x'.repeat(2_000)}[… 3000 more characters]\n2|end`);
    bench.put('long', `${'y'.repeat(1_000)}\n`.repeat(300));
    const { text } = await read({ path: 'long', limit: 300 });
    expect(text.length).toBeLessThan(41_000);
    expect(text).toContain('[lines 1–39 of 300; go on with offset 40]');
  });

  it('takes at most 2,000 lines', () => {
    const prepared = bench.tools[0]?.prepare({ path: 'a', limit: 2_001 });
    expect(prepared).toMatchObject({ ok: false });
  });

  it('describes what is no text', async () => {
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452000002800000 01e0'.replace(' ', ''), 'hex');
    bench.put('a.png', Buffer.concat([png, Buffer.alloc(20)]));
    expect((await read({ path: 'a.png' })).text).toBe('a.png: PNG image, 640 × 480, 44 bytes. No text.');
    bench.put('a.bin', Buffer.from([0, 1, 2, 3]));
    expect((await read({ path: 'a.bin' })).text).toContain('binary data, 4 bytes');
    expect(describeBytes(Buffer.from('GIF89a\x20\x03\x58\x02', 'latin1'))).toBe('GIF image, 800 × 600');
    expect(describeBytes(Buffer.from('ffd8ffe00004aaaaffc0000b0801e00280', 'hex'))).toBe('JPEG image, 640 × 480');
    expect(describeBytes(Buffer.from('%PDF-1.7'))).toBe('PDF document');
    expect(describeBytes(Buffer.from('RIFF....WEBPVP8X0000....\x7f\x02\x00\xdf\x01\x00', 'latin1'))).toBe(
      'WebP image, 640 × 480',
    );
  });

  it('describes what is too large, with its beginning', async () => {
    bench.put('big.log', Buffer.alloc(17 << 20, 'line of a log\n'));
    const { text } = await read({ path: 'big.log' });
    expect(text).toContain('17.8 MB: too large');
    expect(text).toContain('1|line of a log\n');
    bench.put('big.bin', Buffer.concat([Buffer.from('7f454c46', 'hex'), Buffer.alloc(17 << 20, 1)]));
    expect((await read({ path: 'big.bin' })).text).toContain('program (ELF)');
  });

  it('lists folders', async () => {
    bench.put('d/b.txt', 'xy');
    bench.put('d/sub/c', '');
    expect((await read({ path: 'd' })).text).toBe('d is a folder with:\nb.txt (2 bytes)\nsub/');
    expect((await read({ path: 'd/sub' })).text).toContain('c (0 bytes)');
  });

  it('finds encodings', async () => {
    bench.put('u16', Buffer.from('\ufeffgrüß\nok', 'utf16le'));
    expect((await read({ path: 'u16' })).text).toBe('[encoded as utf-16le]\n1|grüß\n2|ok');
    bench.put('l1', Buffer.from('grüß', 'latin1'));
    expect((await read({ path: 'l1' })).text).toBe('[encoded as latin1]\n1|grüß');
  });

  it.each(['utf-8', 'utf-8-bom', 'utf-16le', 'utf-16be', 'latin1'] as const)(
    '%s comes back to the byte',
    (encoding) => {
      const { bytes } = encodeText('grüß\r\nGott\n', encoding);
      expect(decodeText(bytes)).toEqual({ text: 'grüß\r\nGott\n', encoding });
      expect(encodeText('€', encoding).encoding).toBe(encoding === 'latin1' ? 'utf-8' : encoding);
    },
  );

  it('reads kept results through their port, with their origin', async () => {
    expect(await read({ path: 'result:r1', offset: 2 })).toEqual({ text: '2|b\n3|c', origin: 'foreign' });
    expect(bench.assess('read_file', { path: 'result:r1' })).toEqual({ effect: 'pure', touches: [] });
    expect(await read({ path: 'result:../x' })).toMatchObject({ isError: true });
  });

  it('says whose words: those of the workspace are ours, others foreign', async () => {
    bench.put('a', 'x');
    expect((await read({ path: 'a' })).origin).toBe('agent');
    expect((await read({ path: '/etc/hosts' })).origin).toBe('foreign');
    expect((await read({ path: 'none' })).isError).toBe(true);
  });
});

describe('readFileRange', () => {
  const access = () =>
    makeFileAccess({
      home: bench.home,
      userHome: bench.userHome,
      clock: systemClock,
      checkpoints: { keep: async () => undefined },
    });
  const range = (path: string) => readFileRange(access(), makeContext(bench.workspace), { path, offset: 2, limit: 1 });

  it('reads a part of a file of the workspace', async () => {
    bench.put('a.txt', 'one\ntwo\nthree');
    await expect(range('./a.txt')).resolves.toEqual({
      path: 'a.txt',
      text: '2|two\n[lines 2–2 of 3; go on with offset 3]',
      origin: 'agent',
    });
  });

  it('and nothing else', async () => {
    bench.put('.env', 'x');
    for (const path of ['.env', '/etc/hosts', '~/x', '../../config.yaml'])
      await expect(range(path)).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(range('none')).rejects.toMatchObject({ code: 'not_found' });
  });
});

it('the four schemas together take at most 700 tokens, and do not change by themselves', () => {
  const schemas = bench.tools.map((tool) => tool.schema);
  expect(schemas.map(({ name }) => name)).toEqual(['read_file', 'write_file', 'patch', 'search_files']);
  expect(schemas.reduce((sum, schema) => sum + estimateTool(schema), 0)).toBeLessThanOrEqual(700);
  const hash = (tools: Bench['tools']) =>
    createHash('sha256')
      .update(JSON.stringify(tools.map((tool) => tool.schema)))
      .digest('hex');
  const other = makeBench();
  expect(hash(other.tools)).toBe(hash(bench.tools));
  other.close();
});
