// Finding what a model means to replace.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineEnding, splitLines } from '../../../../agent/tools/files/edit/lines.ts';
import { replaceText } from '../../../../agent/tools/files/edit/replace.ts';
import { applyHunks, parsePatch } from '../../../../agent/tools/files/edit/v4a.ts';

const seed = Number(process.env['FC_SEED'] ?? Date.now() % 1_000_000);

const replace = (content: string, old: string, next: string, all = false) => replaceText(content, { old, next, all });

describe('one way after the other', () => {
  it.each([
    ['to the letter', 'a b c', 'b', 'X', 'a X c', undefined],
    ['line endings', 'a\r\nb\r\nc\r\n', 'a\nb\n', 'x\ny\n', 'x\r\ny\r\nc\r\n', 'line endings'],
    ['line endings the other way', 'a\nb\nc\n', 'a\r\nb', 'x\r\ny', 'x\ny\nc\n', 'line endings'],
    ['new lines in a file with returns', 'a\r\nb\r\n', 'b', 'b\nc', 'a\r\nb\r\nc\r\n', undefined],
    ['spaces at the end', 'if (a) {  \n  b();\t\n}\n', 'if (a) {\n  b();\n}', 'c();', 'c();\n', 'at the end of lines'],
    ['quotes', 'say “hi” – now\n', 'say "hi" - now', 'bye', 'bye\n', 'quotes'],
    ['no-break spaces', 'a\u00a0b\n', 'a b', 'c', 'c\n', 'quotes'],
    [
      'indentation',
      'x\n    a();\n      b();\n',
      'a();\n  b();',
      'a();\n  c();\n    d();',
      'x\n    a();\n      c();\n        d();\n',
      'indentation',
    ],
    [
      'tabs for spaces',
      'x {\n\ta {\n\t\tb\n\t}\n}\n',
      '  a {\n    b\n  }\n',
      '  a {\n    c\n  }\n',
      'x {\n\ta {\n\t\tc\n\t}\n}\n',
      'indentation',
    ],
    ['escaped newlines', 'a\n\tb\n', 'a\\n\\tb', 'c\\nd', 'c\nd\n', 'escaped'],
    ['blank lines', 'a\n\n\nb\nc\n', 'a\n\nb', 'X', 'X\nc\n', 'blank lines'],
    [
      'anchors',
      'f() {\n  one\n  two\n  three\n  four\n}\n',
      'f() {\n  one\n  two\n  drei\n  four\n}\n',
      'g\n',
      'g\n',
      'first and last',
    ],
  ])('%s', (_name, content, old, next, expected, how) => {
    const outcome = replace(content, old, next);
    expect(outcome).toMatchObject({ ok: true, text: expected });
    if (outcome.ok) expect(outcome.how ?? 'undefined').toContain(how ?? 'undefined');
  });

  it.each([
    ['the same twice', 'a\nb\na\n', 'a', [1, 3]],
    ['alike twice', 'x  \ny\nx\t\ny\n', 'x\ny', [1, 3]],
    ['indented twice', '  a\n  b\n    a\n    b\n', '\ta\n\tb\n', [1, 3]],
    ['anchored twice', 's\n1\n2\n3\ne\ns\n1\n2\n4\ne\n', 's\n1\n2\n5\ne\n', [1, 6]],
  ])('%s is refused', (_name, content, old, at) => {
    expect(replace(content, old, 'X')).toEqual({ ok: false, problem: 'ambiguous', at });
  });

  it.each([
    ['other words', 'const a = 1;\n', 'const b = 1;'],
    ['another shift of every line', 'a\n b\n c\n', '  a\n  b\n   c\n'],
    ['too little between the anchors', 'f\n1\n2\n3\n4\ng\n', 'f\n5\n6\n7\n8\ng\n'],
    ['only blank lines', 'a\n\t\nb\n', '  \n \n'],
  ])('%s is not found', (_name, content, old) => {
    expect(replace(content, old, 'X')).toMatchObject({ ok: false, problem: 'not-found' });
  });

  it('everywhere only what is certain', () => {
    expect(replace('a\r\nb\r\na\r\nb\r\n', 'a\nb', 'x', true)).toMatchObject({ ok: true, text: 'x\r\nx\r\n' });
    expect(replace('“a” “a”', '"a"', 'b', true)).toMatchObject({ ok: false, problem: 'not-found' });
  });

  it('takes its time only for what is of a size', () => {
    const content = 'a\n'.repeat(100_000);
    const started = performance.now();
    expect(replace(content, `${'a \n'.repeat(50_000)}b`, 'x')).toMatchObject({ ok: false });
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});

/** Different lines with an indentation that makes sense, with one kind of ending. */
const program = fc
  .record({
    lines: fc.array(fc.record({ depth: fc.integer({ min: 0, max: 4 }), word: fc.stringMatching(/^[a-z]{1,6}$/) }), {
      minLength: 3,
      maxLength: 20,
    }),
    ending: fc.constantFrom('\n', '\r\n'),
    from: fc.nat(),
    size: fc.nat(),
  })
  .map(({ lines, ending, from, size }) => {
    const text = lines.map(({ depth, word }, i) => `${'  '.repeat(depth)}${word}${i}`);
    const start = from % text.length;
    const end = start + 1 + (size % (text.length - start));
    return { text, ending, start, end };
  });

const DISTORTIONS: Readonly<Record<string, (line: string) => string>> = {
  'trailing spaces': (line) => `${line} \t`,
  'deeper by three': (line) => `   ${line}`,
  'wide spaces': (line) => line.replaceAll(' ', '\u00a0'),
  nothing: (line) => line,
};

describe('whatever is quoted', () => {
  it(`is replaced where it stands, and nothing else (seed ${seed})`, () => {
    fc.assert(
      fc.property(program, fc.constantFrom(...Object.keys(DISTORTIONS)), fc.boolean(), (file, name, closed) => {
        const distort = DISTORTIONS[name] ?? ((line: string) => line);
        const content = file.text.map((line) => line + file.ending).join('');
        const quote = file.text.slice(file.start, file.end).map(distort).join('\n') + (closed ? '\n' : '');
        const outcome = replace(content, quote, closed ? 'NEW\n' : 'NEW');
        if (!outcome.ok) return outcome.problem === 'ambiguous';
        const lines = outcome.text.split(file.ending);
        const expected = [...file.text.slice(0, file.start), 'NEW', ...file.text.slice(file.end), ''];
        expect(lines.map((line) => (line.endsWith('NEW') ? 'NEW' : line))).toEqual(expected);
        return true;
      }),
      { seed, numRuns: 300 },
    );
  });

  it(`words that are not there change nothing (seed ${seed})`, () => {
    fc.assert(
      fc.property(program, ({ text, ending }) => {
        expect(replace(text.join(ending), 'NOT THERE\nAT ALL', 'x')).toMatchObject({ ok: false });
      }),
      { seed, numRuns: 100 },
    );
  });

  it(`lines cover the text (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', '\n', '\r\n', '\r', ' ')), (parts) => {
        const text = parts.join('');
        const lines = splitLines(text);
        expect(lines.map((line) => text.slice(line.start, line.next)).join('')).toBe(text);
        expect(lines.every((line) => line.text === text.slice(line.start, line.end))).toBe(true);
        expect(['\n', '\r\n']).toContain(lineEnding(text));
      }),
      { seed, numRuns: 200 },
    );
  });
});

describe('patches', () => {
  const hunksOf = (...lines: string[]) => {
    const parsed = parsePatch(['*** Begin Patch', '*** Update File: f', ...lines, '*** End Patch'].join('\n'));
    if (!parsed.ok) throw new Error(parsed.problem);
    const [file] = parsed.files;
    if (file?.kind !== 'update') throw new Error('no update');
    return file.hunks;
  };
  const apply = (content: string, ...lines: string[]) => applyHunks(content, hunksOf(...lines));

  it.each([
    ['context', 'a\nb\nc\n', ['@@', ' a', '-b', '+B', ' c'], 'a\nB\nc\n'],
    ['several hunks', 'a\nb\nc\nd\n', ['@@', '-a', '+A', '@@', '-d', '+D'], 'A\nb\nc\nD\n'],
    ['an anchor', 'f\nx\ng\nx\n', ['@@ g', '-x', '+y'], 'f\nx\ng\ny\n'],
    [
      'anchors in each other',
      'class A\n def f\n  1\nclass B\n def f\n  1\n',
      ['@@ class B', '@@  def f', '-  1', '+  2'],
      'class A\n def f\n  1\nclass B\n def f\n  2\n',
    ],
    ['the end of the file', 'x\ny\nx\n', ['@@', '-x', '+z', '*** End of File'], 'x\ny\nz\n'],
    ['lines added at an anchor', 'a\nb\n', ['@@ a', '+new'], 'a\nnew\nb\n'],
    ['lines added at the end', 'a', ['@@', '+b', '*** End of File'], 'a\nb\n'],
    ['an empty file', '', ['@@', '+a'], 'a\n'],
    ['no newline at the end', 'a\nb', ['@@', '-b', '+c'], 'a\nc'],
    ['returns', 'a\r\nb\r\n', ['@@', ' a', '-b', '+c', '+d'], 'a\r\nc\r\nd\r\n'],
    ['context as the file has it', 'a  \nb\n', ['@@', ' a', '-b', '+a', '+c'], 'a  \na\nc\n'],
    ['positions of other patches', 'a\nb\n', ['@@ -1,2 +1,2 @@', ' a', '-b', '+c'], 'a\nc\n'],
    ['blank lines between hunks', 'a\n\nb\n', ['@@', '-a', '+A', '', '@@', '-b', '+B'], 'A\n\nB\n'],
    ['removing everything', 'a\nb\n', ['@@', '-a', '-b'], ''],
  ])('%s', (_name, content, lines, expected) => {
    expect(apply(content, ...lines)).toMatchObject({ ok: true, text: expected });
  });

  it.each([
    ['two places', 'x\ny\nx\n', ['@@', '-x', '+z'], 'lines 1, 3'],
    ['no place', 'a\n', ['@@', '-b', '+c'], 'not in the file'],
    ['the wrong order', 'a\nb\n', ['@@', '-b', '+B', '@@', '-a', '+A'], 'after line 2'],
    ['two anchors', 'f\nf\nx\n', ['@@ f', '-x', '+y'], 'several times'],
    ['no anchor', 'a\n', ['@@ nope', '-a', '+b'], 'is not in the file'],
    ['nowhere', 'a\n', ['@@', '+b'], 'does not say where'],
  ])('%s is refused', (_name, content, lines, why) => {
    const applied = apply(content, ...lines);
    expect(applied.ok ? applied.text : applied.problem).toContain(why);
    expect(applied.ok).toBe(false);
  });

  it(`carry any change of distinct lines (seed ${seed})`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('keep', 'drop', 'add'), { minLength: 1, maxLength: 30 }),
        fc.constantFrom('\n', '\r\n'),
        (ops, ending) => {
          const old = ops.flatMap((op, i) => (op === 'add' ? [] : [`line ${i}`]));
          const next = ops.flatMap((op, i) => (op === 'drop' ? [] : [`${op === 'add' ? 'new' : 'line'} ${i}`]));
          if (old.length === 0 || !ops.some((op) => op !== 'keep')) return;
          const lines = ops.map((op, i) => (op === 'keep' ? ` line ${i}` : op === 'drop' ? `-line ${i}` : `+new ${i}`));
          const text = (all: readonly string[]) => all.map((line) => line + ending).join('');
          expect(apply(text(old), '@@', ...lines)).toMatchObject({ ok: true, text: text(next) });
        },
      ),
      { seed, numRuns: 200 },
    );
  });

  it('are read through fences and words around them', () => {
    const parsed = parsePatch('Here it is:\n```\n*** Begin Patch\n*** Add File: a b.txt\n+x\n*** End Patch\n```\n');
    expect(parsed).toEqual({ ok: true, files: [{ kind: 'add', path: 'a b.txt', text: 'x\n' }] });
  });

  it.each([
    ['*** Begin Patch\n*** Update File: a\n@@\nx\n*** End Patch'],
    ['*** Begin Patch\n*** Add File: a\nx\n*** End Patch'],
    ['*** Begin Patch\n*** Delete File: a\n-x\n*** End Patch'],
    ['*** Begin Patch\nstray\n*** End Patch'],
    ['*** Begin Patch\n*** Update File: a\n*** End Patch'],
  ])('%j is not understood', (text) => {
    expect(parsePatch(text)).toMatchObject({ ok: false });
  });
});
