// Quoting, and keeping output in bounded memory.
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeCapture, makeReportScanner } from '../../../agent/terminal/output.ts';
import { quoteShell, scriptWith } from '../../../agent/terminal/quote.ts';

describe('quoteShell', () => {
  it('gives a shell exactly the text, whatever it holds', () => {
    // Any code point; the library's own unit for it takes a second to be made.
    const unit = fc.integer({ min: 1, max: 0x10ffff }).map((code) => String.fromCodePoint(code));
    const strings = fc.string({ unit }).map((text) => text.toWellFormed());
    const words = [
      ...fc.sample(strings, { numRuns: 100, seed: 7 }),
      "'",
      "''",
      '\\',
      '$(id)',
      '`id`',
      '\n',
      '',
      '* ~ !',
      'a\'b"c',
    ];
    const script = scriptWith(String.raw`for word do printf '%s\000' "$word"; done`, words);
    expect(execFileSync('sh', ['-c', script]).toString()).toBe(words.map((word) => `${word}\0`).join(''));
  });

  it('refuses NUL', () => {
    expect(() => quoteShell('a\0b')).toThrowError(expect.objectContaining({ code: 'bad_input' }));
  });
});

describe('makeCapture', () => {
  it('keeps all that fits, and else head and tail, however it comes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 40 }),
        fc.integer({ min: 10, max: 200 }),
        (chunks, max) => {
          const ascii = chunks.map((chunk) => Buffer.from(chunk.map((byte) => 33 + (byte % 90))));
          const all = Buffer.concat(ascii).toString();
          const capture = makeCapture(max);
          for (const chunk of ascii) capture.add(chunk);
          const { text, droppedBytes } = capture.text();
          expect(capture.total()).toBe(all.length);
          expect(droppedBytes).toBe(Math.max(0, all.length - max));
          if (droppedBytes === 0) expect(text).toBe(all);
          else {
            const [head = '', tail = ''] = text.split(/\n\[… \d+ bytes of output are left out here …\]\n/);
            expect(all.startsWith(head) && all.endsWith(tail)).toBe(true);
            expect(head.length + tail.length).toBe(max);
          }
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });

  it('does not show halves of characters where it cut', () => {
    const capture = makeCapture(100);
    for (let i = 0; i < 500; i++) capture.add(Buffer.from('東'));
    expect(capture.text().text).toMatch(/^東+\n\[… \d+ bytes of output are left out here …\]\n東+$/);
  });
});

describe('makeReportScanner', () => {
  it('takes the report out, wherever the stream is cut', () => {
    const stream = Buffer.from('out\0put \0mar \0mark\0mark-1 0 exit no /home\0 after');
    for (let cut = 1; cut < stream.length; cut++) {
      const seen: Buffer[] = [];
      let reports = 0;
      const scanner = makeReportScanner(
        '\0mark-1 ',
        (chunk) => seen.push(Buffer.from(chunk)),
        () => reports++,
      );
      scanner.add(stream.subarray(0, cut));
      scanner.add(stream.subarray(cut));
      expect(scanner.end()).toBe('0 exit no /home');
      expect(Buffer.concat(seen).toString()).toBe('out\0put \0mar \0mark');
      expect(reports).toBe(1);
    }
  });

  it('hands everything on when there is no report, or half of one', () => {
    const seen: string[] = [];
    const scanner = makeReportScanner(
      '\0mark ',
      (chunk) => seen.push(Buffer.from(chunk).toString()),
      () => {},
    );
    scanner.add(Buffer.from('text\0ma'));
    expect(seen.join('')).toBe('text');
    expect(scanner.end()).toBeUndefined();
    expect(seen.join('')).toBe('text\0ma');
    scanner.add(Buffer.from('\0mark 0 exit'));
    expect(scanner.end()).toBeUndefined();
  });
});
