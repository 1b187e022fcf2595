import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDotenv, setDotenv } from '../../../config/source/dotenv.ts';
import { AppError } from '../../../shared/errors.ts';

const read = (text: string) => Object.fromEntries(parseDotenv(text).entries.map(({ name, value }) => [name, value]));

describe('parseDotenv', () => {
  test.each([
    ['A=1', '1'],
    ['  export A = 1  ', '1'],
    ['A=one # comment', 'one'],
    ['A=one#two', 'one#two'],
    ['A=#only a comment', ''],
    ['A=', ''],
    ["A='one # \\n two'", 'one # \\n two'],
    ['A="one # \\n \\"two\\" \\$x"  # comment', 'one # \n "two" $x'],
    ['A=`it\'s "so"`', 'it\'s "so"'],
    ['A="first\nsecond"', 'first\nsecond'],
    ['A=old\nA=new', 'new'],
    ['\ufeffA=1\r\n', '1'],
    ['A=a=b=c', 'a=b=c'],
    ['A="C:\\\\dir"', 'C:\\dir'],
  ])('%j', (text, value) => {
    expect(parseDotenv(text).problems).toEqual([]);
    expect(read(text)).toEqual({ A: value });
  });

  test('names the line of what it cannot read, and goes on behind it', () => {
    const parsed = parseDotenv('# fine\n\nTOKEN 123\nB=2\n9X=1\nC="open\nD=4');
    expect(parsed.problems.map((problem) => problem.line)).toEqual([3, 5, 6]);
    expect(read('TOKEN 123\nB=2')).toEqual({ B: '2' });
    expect(JSON.stringify(parsed.problems)).not.toContain('123');
  });

  test('text behind a closing quote is a problem, not part of the value', () => {
    expect(parseDotenv('A="x" y').problems).toHaveLength(1);
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseDotenv(text)));
  });
});

describe('setDotenv', () => {
  test('keeps every other line, and the line ends of the file', () => {
    expect(setDotenv('# keys\r\nA=1 # one\r\n\r\nB=2\r\n', 'A', 'x y')).toBe('# keys\r\nA="x y"\r\n\r\nB=2\r\n');
    expect(setDotenv('A=1', 'B', '2')).toBe('A=1\nB=2\n');
    expect(setDotenv('', 'B', '2')).toBe('B=2\n');
  });

  test('replaces a value of several lines, and leaves a repeated name once', () => {
    expect(setDotenv('A="1\n2\n3"\nB=2\n', 'A', 'x')).toBe('A=x\nB=2\n');
    expect(setDotenv('A=1\nB=2\nA=3\n', 'A', 'x')).toBe('B=2\nA=x\n');
  });

  test('removes', () => {
    expect(setDotenv('A=1\nB=2\nA=3\n', 'A', undefined)).toBe('B=2\n');
    expect(setDotenv('A=1\n', 'A', undefined)).toBe('');
  });

  test('refuses names and values that cannot be stored', () => {
    expect(() => setDotenv('', 'A B', 'x')).toThrow(AppError);
    expect(() => setDotenv('', 'A', 'x\0y')).toThrow(AppError);
  });

  test('any text comes back as it was, and no other name changes', () => {
    const value = fc.string({ unit: 'binary', maxLength: 60 }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(value, value, (one, two) => {
        const text = setDotenv(setDotenv('# top\nKEEP=me\n', 'ONE', one), 'TWO', two);
        expect(read(text)).toEqual({ KEEP: 'me', ONE: one, TWO: two });
        expect(text.startsWith('# top\nKEEP=me\n')).toBe(true);
      }),
    );
  });
});
