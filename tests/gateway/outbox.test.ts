// From one text to the rows that are sent: in parts up to a number that a person can read, then as a file.
import { describe, expect, it } from 'vitest';
import type { Capabilities } from '../../adapters/capabilities.ts';
import { makeOutboxRows, type Letter } from '../../gateway/outbox.ts';
import type { StoredFile } from '../../shared/messages.ts';
import { makeFakePlatform } from '../support/fake-platform.ts';

const fake = makeFakePlatform();
const adapter = await fake.account.load();

function layOut(letter: Partial<Letter>, more: Partial<Capabilities> = {}) {
  const kept: { key: string; text: string }[] = [];
  const rows = makeOutboxRows(
    { key: 'k', to: fake.address(), kind: 'answer', text: '', ...letter },
    {
      capabilities: { ...adapter.capabilities(fake.address()), ...more },
      ttlMs: 1_000,
      keepWhole(key, text): StoredFile {
        kept.push({ key, text });
        return { kind: 'document', path: '/x', name: 'answer.md', mime: 'text/markdown', bytes: text.length };
      },
    },
  );
  return { rows, kept };
}

/** `count` paragraphs that fill one part of 4,000 characters each. */
const parts = (count: number) => Array.from({ length: count }, (_, i) => `${i} ${'x'.repeat(3_900)}`).join('\n\n');
const button = [[{ label: 'Yes', data: '/yes' }]];
const noFiles = { support: 'dropped', maxBytes: 0, maxCaption: 0, mime: [] } as const;

describe('a letter', () => {
  it('of twenty parts is sent whole', () => {
    const { rows, kept } = layOut({ text: parts(20) });
    expect(rows.map((row) => row.key)).toEqual(Array.from({ length: 20 }, (_, i) => `k.${i + 1}`));
    expect(rows.every((row) => row.parts === 20 && row.files?.length === 0)).toBe(true);
    expect(kept).toEqual([]);
  });

  it('of more is its beginning, and a file with all of it', () => {
    const text = parts(500);
    const own: StoredFile = { kind: 'image', path: '/y', name: 'y.png', mime: 'image/png', bytes: 1 };
    const { rows, kept } = layOut({ text, files: [own], buttons: button });
    expect(kept).toEqual([{ key: 'k', text }]);
    expect(rows.map((row) => row.text.split(' ')[0])).toEqual(['0', '1', '2', 'That']);
    const last = rows.at(-1);
    expect(last?.text).toMatch(/1,9\d\d,\d{3} characters.*file has all of it/);
    expect(last?.files?.map((file) => file.name)).toEqual(['y.png', 'answer.md']);
    expect(last?.buttons).toEqual(button);
    expect(rows.slice(0, -1).every((row) => row.files?.length === 0 && row.buttons?.length === 0)).toBe(true);
  });

  it.each([
    ['takes no files', { ...noFiles }],
    ['takes only small files', { ...noFiles, support: 'full', maxBytes: 1_000 }],
    ['takes other files', { ...noFiles, support: 'full', maxBytes: 1e9, mime: ['image/*'] }],
  ] as const)('of more, where the chat %s, ends after twenty and says where the rest is', (_, document) => {
    const media = { ...adapter.capabilities(fake.address()).media, document };
    const { rows, kept } = layOut({ text: parts(500) }, { media });
    expect(rows).toHaveLength(20);
    expect(rows.at(-1)?.text).toMatch(/only the beginning.*herald sessions export/);
    expect(kept).toEqual([]);
  });

  it('without anything to say has no rows', () => {
    expect(layOut({ text: ' \n ' }).rows).toEqual([]);
  });
});
