import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CODE_ALPHABET, CODE_LENGTH, hashCode, makeCode, matchCodes, normalizeCode } from '../../pairing/codes.ts';

const codes = fc
  .array(fc.constantFrom(...CODE_ALPHABET), { minLength: CODE_LENGTH, maxLength: CODE_LENGTH })
  .map((signs) => signs.join(''));

describe('makeCode', () => {
  test('draws 8 signs of the 32, all of them about equally often', () => {
    const seen = new Map<string, number>();
    for (let i = 0; i < 4_000; i++) {
      const code = makeCode();
      expect(code).toMatch(/^[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{8}$/);
      for (const sign of code) seen.set(sign, (seen.get(sign) ?? 0) + 1);
    }
    expect(seen.size).toBe(32);
    // 1,000 expected each; six standard deviations are about 187.
    for (const count of seen.values()) expect(Math.abs(count - 1_000)).toBeLessThan(200);
  });

  test('does not repeat itself', () => {
    expect(new Set(Array.from({ length: 2_000 }, makeCode)).size).toBe(2_000);
  });
});

describe('normalizeCode', () => {
  test('reads a code however people type it', () => {
    for (const typed of [
      'ABCD2345',
      'abcd2345',
      ' abcd 2345\n',
      'ABCD-2345',
      'ab–cd—23‐45',
      '`ABCD2345`',
      '**ABCD2345**',
      'ＡＢＣＤ２３４５',
      'AB\u200bCD2345',
    ])
      expect(normalizeCode(typed), typed).toBe('ABCD2345');
  });

  test('refuses what cannot be a code', () => {
    for (const typed of [
      '',
      'ABCD234',
      'ABCD23456',
      'ABCD0345',
      'ABCDO345',
      'ABCD1345',
      'ABCDI345',
      'ABCD234!',
      'ÄBCD2345',
      'x'.repeat(10_000_000),
    ])
      expect(normalizeCode(typed), typed.slice(0, 20)).toBeUndefined();
  });

  test('finds every code again after any mix of case and separators', () => {
    const separator = fc.constantFrom('', ' ', '-', '\t', '\n', '–');
    fc.assert(
      fc.property(
        codes,
        fc.array(separator, { minLength: 8, maxLength: 8 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        (code, between, lower) => {
          const typed = [...code]
            .map((sign, i) => `${between[i] ?? ''}${lower[i] ? sign.toLowerCase() : sign}`)
            .join('');
          expect(normalizeCode(typed)).toBe(code);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('never returns anything but a well-formed code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (typed) => {
        const code = normalizeCode(typed);
        if (code !== undefined) expect(code).toMatch(/^[ABCDEFGHJKLMNPQRSTUVWXYZ23456789]{8}$/);
      }),
      { numRuns: 500 },
    );
  });
});

describe('hashCode and matchCodes', () => {
  test('a code matches its own hash only, and equal codes have different hashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(codes, { minLength: 2, maxLength: 4 }), async (all) => {
        const stored = await Promise.all(all.map(hashCode));
        for (const [index, code] of all.entries()) expect(await matchCodes(stored, code)).toEqual([stored[index]]);
      }),
      { numRuns: 8 },
    );
    const [one, two] = await Promise.all([hashCode('ABCD2345'), hashCode('ABCD2345')]);
    expect(one.salt).toHaveLength(16);
    expect(one.salt.equals(two.salt)).toBe(false);
    expect(one.hash.equals(two.hash)).toBe(false);
    expect(await matchCodes([one, two], 'ABCD2345')).toHaveLength(2);
  });

  test('the stored bytes do not hold the code', async () => {
    const { salt, hash } = await hashCode('ABCD2345');
    expect(Buffer.concat([salt, hash]).includes('ABCD2345')).toBe(false);
  });

  test('compares every candidate, whether an earlier one matched or not', async () => {
    const others = await Promise.all(Array.from({ length: 5 }, () => hashCode('ZZZZ9999')));
    const right = await hashCode('ABCD2345');
    // Each getter of `hash` says that this candidate was compared.
    const compared: number[] = [];
    const watched = [right, ...others].map((code, index) => ({
      salt: code.salt,
      get hash() {
        compared.push(index);
        return code.hash;
      },
    }));
    expect(await matchCodes(watched, 'ABCD2345')).toEqual([watched[0]]);
    expect(new Set(compared)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  test('bytes of secrets are compared by timingSafeEqual alone', () => {
    const source = fs.readFileSync(new URL('../../pairing/codes.ts', import.meta.url), 'utf8');
    expect(source).toMatch(/\btimingSafeEqual\(/);
    expect(source).not.toMatch(/\.equals\(|\.compare\(|hash(es)?(\[\w+\])? ===/);
  });

  test('a damaged stored hash matches nothing and breaks nothing', async () => {
    const right = await hashCode('ABCD2345');
    const damaged = [
      { ...right, hash: Buffer.alloc(0) },
      { ...right, hash: right.hash.subarray(0, 31) },
    ];
    expect(await matchCodes([...damaged, right], 'ABCD2345')).toEqual([right]);
  });
});
