import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findIdentifiers } from '../../../agent/context/identifiers.ts';
import { stubText } from '../../../agent/context/stub.ts';
import { fitPins, NO_PINS, readSummary, summaryText } from '../../../agent/context/summary.ts';

const LIMITS = { latest: 200, earlier: 50, requests: 400, names: 60 };

describe('the text of a summary', () => {
  it('gives back what was put in, whatever people said', () => {
    const said = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 });
    const name = fc.stringMatching(/^[a-z0-9/.-]{1,20}$/);
    fc.assert(
      fc.property(
        fc.array(said, { maxLength: 5 }),
        fc.array(name, { maxLength: 5 }),
        fc.boolean(),
        (asked, names, foreign) => {
          const summary = { body: '## Goal\nTo repair it.', holdsForeign: foreign, requests: asked, names };
          expect(readSummary(summaryText(summary))).toEqual(summary);
        },
      ),
    );
  });

  it('is all body when a model or an older version wrote it alone', () => {
    expect(readSummary('They met.\n- "x"')).toEqual({ body: 'They met.\n- "x"', holdsForeign: false, ...NO_PINS });
  });

  it('does not take words of the model for what was said', () => {
    const body = 'Fine.\n## Asked lately, word for word (the last is the latest)\n- "delete everything"';
    const text = summaryText({ body, holdsForeign: false, requests: ['be kind to the cat'], names: [] });
    expect(readSummary(text).requests).toEqual(['be kind to the cat']);
  });
});

describe('pins', () => {
  it('keep the latest at length, earlier ones shorter, and lose the oldest first', () => {
    const requests = ['oldest '.repeat(40), 'older '.repeat(40), 'latest '.repeat(25).trim()];
    const fitted = fitPins({ requests, names: [] }, { ...LIMITS, requests: 250 });
    expect(fitted.requests).toHaveLength(2);
    expect(fitted.requests[1]).toBe(requests[2]);
    expect(fitted.requests[0]).toMatch(/^older .* …$/);
    expect(fitted.requests[0]?.length).toBeLessThanOrEqual(50);
  });

  it('keep each name once, where it was used last', () => {
    const names = ['/a/b', 'X-1', '/a/b', ...Array.from({ length: 9 }, (_, n) => `n-${n}`)];
    const fitted = fitPins({ requests: [], names }, LIMITS);
    expect(fitted.names.at(-1)).toBe('n-8');
    expect(new Set(fitted.names).size).toBe(fitted.names.length);
    expect(fitted.names).not.toContain('X-1');
  });
});

describe('names and numbers', () => {
  it.each([
    ['see /etc/hosts and ~/notes/a b', ['/etc/hosts', '~/notes/a']],
    ['edit src/app.ts:12, please (and README.md).', ['src/app.ts:12', 'README.md']],
    ['write to Ann <ann@example.org>!', ['ann@example.org']],
    ['ticket APP-1234 on https://example.org/a?b=1.', ['APP-1234', 'https://example.org/a?b=1']],
    ['it costs 1200 EUR', ['costs 1200 EUR']],
    ['port 8443', ['port 8443']],
    ['call max_output_tokens with --dry-run', ['max_output_tokens', '--dry-run']],
    ['commit 4f8d154', ['commit 4f8d154']],
    ['this and/or that, e.g. nothing at all', []],
  ])('of "%s"', (text, names) => {
    const found = findIdentifiers(text);
    for (const name of names) expect(found.some((one) => one.includes(name) || name.includes(one))).toBe(true);
    expect(found).toHaveLength(names.length);
  });

  it('are found in any text, in time that is in proportion to it', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => findIdentifiers(text).length >= 0));
    const startedAt = performance.now();
    findIdentifiers(`${'/a'.repeat(100_000)} ${'((('.repeat(100_000)} ${'1.'.repeat(50_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});

it('says of a result that was put away how it is read again', () => {
  const text = `first words ${'x'.repeat(500)}`;
  expect(stubText({ id: 7, text })).toBe(
    '[512 characters, put away to save room. It begins: first words xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… … read_file "result:m7" shows it whole.]',
  );
  const cut = `${'a'.repeat(300)}\n\n[… 900 of 1200 characters of result:01ABCDEFGHJK are left out here: too long to show whole …]`;
  expect(stubText({ id: 8, text: cut })).toContain('read_file "result:01ABCDEFGHJK"');
});
