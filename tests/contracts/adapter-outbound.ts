// Outbound half of the adapter contract: what is sent is what the reader sees, whole, in the platform's limits.
import { describe, expect } from 'vitest';
import { chunkMarkdown } from '../../adapters/chunk.ts';
import type { StoredFile } from '../../shared/messages.ts';
import { measureText } from '../../shared/text.ts';
import type { AdapterHarness, ContractCase } from './adapter-harness.ts';
import { lettersOf, makeOutbound, mediaKinds, sampleFile, send, sendOk, withFile } from './adapter-samples.ts';

export const KITCHEN_SINK = [
  '# Heading <one> & two',
  'Plain **bold *both* bold** _italic_ ~~gone~~ `a < b && c` [link & label](https://example.org/?a=1&b=2).',
  '- one\n- two\n  1. nested <x>\n  2. again\n- [x] done\n- [ ] open',
  '> quoted **text**\n>\n> > deeper',
  '```ts\nif (a < b && c > d) return "<b>";\n```',
  '| name | value |\n| --- | --- |\n| alpha | `1 < 2` |\n| beta | **3 & 4** |',
  '---',
  'Stars \\* and \\_ and \\[brackets\\] and emoji 👩‍👩‍👧 日本語。',
].join('\n\n');

export function describeOutbound(harness: AdapterHarness, contractCase: ContractCase): void {
  describe('outbound text', () => describeText(contractCase));
  describe('outbound limits', () => describeLimits(harness, contractCase));
  describe('outbound edits and signs of life', () => describeEdits(harness, contractCase));
  describe('outbound files', () => describeFiles(harness, contractCase));
}

function describeText(contractCase: ContractCase): void {
  contractCase('what is sent is what the reader sees', async (rig) => {
    const { ids } = await sendOk(rig, rig.dm, 'Hello, reader & friend <3');
    const seen = await rig.seen(rig.dm);
    expect(seen.map(({ id, text }) => ({ id, text }))).toEqual([{ id: ids[0], text: 'Hello, reader & friend <3' }]);
  });

  contractCase('messages to one chat appear in the order in which they were sent', async (rig) => {
    for (let i = 0; i < 5; i++) await sendOk(rig, rig.dm, `part ${i}`);
    expect((await rig.seen(rig.dm)).map((message) => message.text)).toEqual([
      'part 0',
      'part 1',
      'part 2',
      'part 3',
      'part 4',
    ]);
  });

  contractCase(
    'every kind of block and every special character is accepted, and no text of it is lost',
    async (rig) => {
      await sendOk(rig, rig.dm, KITCHEN_SINK);
      const text = lettersOf((await rig.seen(rig.dm)).map((message) => message.text).join(''));
      const words =
        'Headingonetwo Plainboldbothbold italic gone ab&&c linklabel nestedx again done quotedtext deeper ifabcdreturnb alpha 34 日本語';
      for (const word of words.split(' ')) expect(text).toContain(lettersOf(word));
    },
  );

  contractCase('plain sends the text without any markup', async (rig) => {
    await sendOk(rig, rig.dm, { ...makeOutbound('**bold** and `code` <b>&amp;'), plain: true });
    const seen = (await rig.seen(rig.dm)).at(-1);
    expect(seen?.formatted).toBe(false);
    expect(seen?.text).toContain('<b>');
    for (const word of ['bold', 'and', 'code']) expect(seen?.text).toContain(word);
  });

  contractCase('a reply is shown as one, and is sent even when what it answers is gone', async (rig) => {
    const id = await rig.say({ text: 'question' });
    await rig.record.waitFor((message) => message.id === id);
    await sendOk(rig, rig.dm, { ...makeOutbound('answer'), replyTo: id });
    const seen = (await rig.seen(rig.dm)).at(-1);
    expect(seen?.text).toBe('answer');
    if (rig.adapter.capabilities(rig.dm).replies === 'full') expect(seen?.replyTo).toBe(id);
    await rig.deleteAsUser?.(id);
    await sendOk(rig, rig.dm, { ...makeOutbound('late answer'), replyTo: id });
    expect((await rig.seen(rig.dm)).at(-1)?.text).toBe('late answer');
  });

  contractCase('a DM can be opened by the id of its person', async (rig, skip) => {
    if (!rig.adapter.openDm) return skip();
    expect(await rig.adapter.openDm(rig.user)).toMatchObject({
      platform: rig.dm.platform,
      account: rig.dm.account,
      chat: rig.dm.chat,
      kind: 'dm',
    });
  });

  contractCase('publishing commands never rejects', async (rig, skip) => {
    if (!rig.adapter.publishCommands) return skip();
    const odd = Array.from({ length: 130 }, (_, i) => ({
      name: `command-${i}`,
      description: i % 2 ? '' : 'x'.repeat(500),
    }));
    await rig.adapter.publishCommands([{ name: 'help', description: 'Show what I can do' }]);
    await rig.adapter.publishCommands(odd);
    await sendOk(rig, rig.dm, 'still here');
  });
}

function describeLimits(harness: AdapterHarness, contractCase: ContractCase): void {
  const { max, unit } = harness.capabilities.text;
  // A platform that takes more than this in one message has no limit that a test should fill.
  if (max > 200_000) {
    contractCase('a long formatted text stays one message', async (rig) => {
      const parts = chunkMarkdown(`${KITCHEN_SINK}\n\n`.repeat(25), { max, unit });
      expect(parts).toHaveLength(1);
      await sendOk(rig, rig.dm, parts[0] ?? '');
      const text = (await rig.seen(rig.dm)).map((message) => message.text).join('');
      expect(text.match(/Plain bold both bold/g)).toHaveLength(25);
    });
    return;
  }

  contractCase('a message of exactly the largest size is taken, measured in the unit that is declared', async (rig) => {
    for (const letter of ['a', 'é', '日', '😀']) {
      const size = measureText(letter, unit);
      const text = letter.repeat(Math.floor(max / size));
      await sendOk(rig, rig.dm, text);
      expect((await rig.seen(rig.dm)).at(-1)?.text).toBe(text);
    }
  });

  contractCase('every part of a long formatted text is taken, and together they hold all of it', async (rig) => {
    const long = Array.from(
      { length: 25 },
      (_, i) => `${KITCHEN_SINK}\n\nEnd of round ${i}. 😀 ${'日本 word '.repeat(30)}`,
    ).join('\n\n');
    const parts = chunkMarkdown(long, { max, unit });
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) await sendOk(rig, rig.dm, part);
    const text = (await rig.seen(rig.dm)).map((message) => message.text).join('');
    // A cut between two words takes the space.
    for (let i = 0; i < 25; i++) expect(lettersOf(text)).toContain(`Endofround${i}日本`);
    expect(lettersOf(text).match(/日本word/g)).toHaveLength(25 * 30);
  });

  contractCase('a text over the limit is refused as too long, never cut', async (rig) => {
    const text = 'word '.repeat(max);
    const result = await send(rig, rig.dm, text);
    if (result.ok)
      expect(lettersOf((await rig.seen(rig.dm)).map((message) => message.text).join(''))).toBe(lettersOf(text));
    else expect({ code: result.code, reached: result.reached }).toEqual({ code: 'too_long', reached: 'no' });
  });
}

function describeEdits(harness: AdapterHarness, contractCase: ContractCase): void {
  const { capabilities } = harness;
  contractCase('an edit replaces text and buttons, and the same edit again is fine', async (rig, skip) => {
    if (capabilities.edits.support !== 'full') return skip();
    const edit = rig.adapter.edit?.bind(rig.adapter);
    if (!edit) throw new Error('capabilities.edits is full, so `edit` must be there');
    const { ids } = await sendOk(rig, rig.dm, {
      ...makeOutbound('draft'),
      buttons: [[{ label: 'Stop', data: 'stop' }]],
    });
    const id = ids[0];
    if (!id) throw new Error('no id');
    const final = makeOutbound('final **text**');
    for (let i = 0; i < 2; i++)
      expect(await edit(rig.dm, id, final, AbortSignal.timeout(10_000))).toMatchObject({ ok: true });
    expect(await rig.seen(rig.dm)).toMatchObject([{ id, text: 'final text', buttons: [] }]);
  });

  contractCase('a draft is replaced by the next one and is no message', async (rig, skip) => {
    if (capabilities.drafts.support !== 'full') return skip();
    const { adapter } = rig;
    if (!adapter.draft || !rig.draft)
      throw new Error('capabilities.drafts is full, so `draft` must be there, in the harness too');
    const update = { key: 'turn-1', tools: [] };
    expect(await adapter.draft(rig.dm, { ...update, text: 'The ans' }, AbortSignal.timeout(10_000))).toMatchObject({
      ok: true,
    });
    expect(await rig.draft(rig.dm)).toContain('The ans');
    expect(
      await adapter.draft(rig.dm, { ...update, text: 'The **answer** is' }, AbortSignal.timeout(10_000)),
    ).toMatchObject({ ok: true });
    expect(await rig.draft(rig.dm)).toContain('is');
    expect(await rig.seen(rig.dm)).toEqual([]);
  });

  contractCase('typing shows', async (rig, skip) => {
    if (capabilities.typing.support !== 'full' || !rig.adapter.typing || !rig.typingShown) return skip();
    await rig.adapter.typing(rig.dm);
    expect(await rig.typingShown(rig.dm)).toBe(true);
  });

  contractCase('a reaction is set and taken back', async (rig, skip) => {
    if (capabilities.reactions !== 'full') return skip();
    const react = rig.adapter.react?.bind(rig.adapter);
    if (!react) throw new Error('capabilities.reactions is full, so `react` must be there');
    const { ids } = await sendOk(rig, rig.dm, 'react to me');
    const id = ids[0];
    if (!id) throw new Error('no id');
    expect(await react(rig.dm, id, '👍')).toMatchObject({ ok: true });
    expect((await rig.seen(rig.dm))[0]?.reactions).toEqual(['👍']);
    expect(await react(rig.dm, id, undefined)).toMatchObject({ ok: true });
    expect((await rig.seen(rig.dm))[0]?.reactions).toEqual([]);
  });

  contractCase('the same key is sent once, where the platform says so', async (rig, skip) => {
    if (capabilities.sendDedupe === 'none') return skip();
    const message = makeOutbound('only once');
    const first = await sendOk(rig, rig.dm, message);
    if (capabilities.sendDedupe === 'read-back') {
      expect(await rig.adapter.find?.(rig.dm, message.key)).toMatchObject({ ok: true, ids: first.ids });
      expect(await rig.adapter.find?.(rig.dm, 'never-sent')).toBeUndefined();
      return;
    }
    await sendOk(rig, rig.dm, message);
    expect((await rig.seen(rig.dm)).filter((seen) => seen.text === 'only once')).toHaveLength(1);
  });
}

function describeFiles(harness: AdapterHarness, contractCase: ContractCase): void {
  for (const kind of mediaKinds()) {
    const media = harness.capabilities.media[kind];
    if (media.support !== 'full' || kind === 'sticker') continue;
    contractCase(`a file of kind ${kind} goes out with its text`, async (rig) => {
      await withFile(sampleFile(kind), async (file) => {
        const { ids } = await sendOk(rig, rig.dm, { ...makeOutbound('see the **file**'), files: [file] });
        const seen = (await rig.seen(rig.dm)).filter((message) => ids.includes(message.id));
        expect(seen.flatMap((message) => message.files)).toEqual([{ kind, name: file.name, bytes: file.bytes }]);
        expect(seen.map((message) => message.text).join('')).toBe('see the file');
      });
    });

    contractCase(`a file of kind ${kind} with more text than its caption holds loses nothing`, async (rig) => {
      const text = 'long caption '.repeat(Math.ceil((media.maxCaption + 50) / 13)).trim();
      if (measureText(text, harness.capabilities.text.unit) > harness.capabilities.text.max) return;
      await withFile(sampleFile(kind), async (file) => {
        const { ids } = await sendOk(rig, rig.dm, { ...makeOutbound(text), files: [file] });
        const seen = (await rig.seen(rig.dm)).filter((message) => ids.includes(message.id));
        expect(seen.flatMap((message) => message.files)).toHaveLength(1);
        expect(seen.map((message) => message.text).join('')).toBe(text);
      });
    });
  }

  contractCase('several files go out, each once', async (rig, skip) => {
    if (harness.capabilities.media.document.support !== 'full') return skip();
    await withFile(sampleFile('document'), (one) =>
      withFile({ ...sampleFile('image'), name: 'two.png', mime: 'image/png' }, async (two) => {
        await sendOk(rig, rig.dm, { ...makeOutbound('two files'), files: [one, two] });
        const seen = await rig.seen(rig.dm);
        expect(seen.flatMap((message) => message.files.map((file) => file.name)).sort()).toEqual([
          'report.pdf',
          'two.png',
        ]);
      }),
    );
  });

  contractCase('a file that is gone from disk is an answer, not an exception', async (rig, skip) => {
    if (harness.capabilities.media.document.support !== 'full') return skip();
    const gone: StoredFile = {
      kind: 'document',
      path: '/nonexistent/gone.pdf',
      name: 'gone.pdf',
      mime: 'application/pdf',
      bytes: 10,
    };
    const result = await send(rig, rig.dm, { ...makeOutbound(''), files: [gone] });
    expect(result).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
    expect(await rig.seen(rig.dm)).toEqual([]);
  });
}
