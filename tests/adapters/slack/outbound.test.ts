import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { OutboundMessage } from '../../../adapters/contract.ts';
import { messageId, userId } from '../../../shared/ids.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { asJson, asList, asText, type Json } from '../../support/slack/json.ts';
import { BOT_TOKEN, textOf } from '../../support/slack/workspace.ts';
import { addressOf } from './slack-harness.ts';
import { onStage, type Stage } from './stage.ts';

const TABLE = '| a | b |\n| - | - |\n| 1 | 2 |';

/** Arguments of the calls of a method, in order. */
const argsOf = ({ slack }: Stage, method: string): readonly Json[] =>
  slack.calls.filter((call) => call.method === method && call.token === BOT_TOKEN).map((call) => call.args);

async function withFiles(run: (files: readonly StoredFile[]) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'herald-slack-'));
  try {
    const made = ['one.txt', 'two "quoted"/name.ogg'].map(async (name, i): Promise<StoredFile> => {
      const file = path.join(folder, `${i}`);
      await writeFile(file, `file ${i}`);
      return { kind: i === 0 ? 'document' : 'voice', path: file, name, mime: 'text/plain', bytes: 6 };
    });
    await run(await Promise.all(made));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('a message', () => {
  it('carries its key, unfurls nothing, and goes where it is told', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const root = await slack.sayAsSelf(slack.general, 'root');
      const message = { ...makeOutbound('see https://x.y'), key: 'turn-1.1', replyTo: messageId('1.000001') };
      expect(await stage.send(addressOf(slack.general, root), message)).toMatchObject({ ok: true });
      expect(argsOf(stage, 'chat.postMessage').at(-1)).toMatchObject({
        channel: slack.general,
        thread_ts: root,
        metadata: { event_type: 'herald', event_payload: { key: 'turn-1.1' } },
        unfurl_links: 'false',
        unfurl_media: 'false',
      });
      await stage.send(addressOf(slack.general), message);
      expect(argsOf(stage, 'chat.postMessage').at(-1)).not.toHaveProperty('thread_ts');
      expect(slack.violations).toEqual([]);
    }));

  it('wakes nobody, whatever its text says', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      for (const plain of [false, true])
        await stage.send(addressOf(slack.general), {
          ...makeOutbound('<!channel> <@U0EVE> @here &lt;!here&gt;'),
          plain,
        });
      for (const args of argsOf(stage, 'chat.postMessage')) {
        expect(asText(args['text'])).not.toMatch(/<|>/);
        expect(JSON.stringify(args['blocks'] ?? [])).not.toMatch(/"type":"(?:user|usergroup|broadcast|channel)"/);
      }
      expect((await slack.ours(slack.general)).map(textOf)).toEqual([
        '<!channel> <@U0EVE> @here <!here>',
        '<!channel> <@U0EVE> @here <!here>',
      ]);
      expect(slack.violations).toEqual([]);
    }));

  it('shows a table, and as text where Slack refuses it', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const dm = addressOf(slack.ada.dm);
      const hasTable = (args: Json) => JSON.stringify(args['blocks'] ?? '').includes('"table"');
      await stage.send(dm, makeOutbound(TABLE));
      const allow = slack.fail({
        method: 'chat.postMessage',
        error: 'invalid_blocks',
        when: hasTable,
        times: Infinity,
      });
      expect(await stage.send(dm, makeOutbound(TABLE))).toMatchObject({ ok: true });
      allow();
      const kinds = (await slack.ours(slack.ada.dm)).map((message) =>
        asList(message['blocks']).map((block) => asText(asJson(block)['type'])),
      );
      expect(kinds).toEqual([['table'], ['rich_text']]);
    }));

  it('shows buttons with labels that fit, and refuses what does not', () =>
    onStage({}, async (stage) => {
      const dm = addressOf(stage.slack.ada.dm);
      const button = { label: '👩‍👩‍👧‍👦'.repeat(40), data: 'x'.repeat(64) };
      const good = { ...makeOutbound('Which?'), buttons: [[button, { label: '', data: 'b' }], []] };
      expect(await stage.send(dm, good)).toMatchObject({ ok: true });
      const [block] = asList(argsOf(stage, 'chat.postMessage')[0]?.['blocks']).slice(1).map(asJson);
      const labels = asList(block?.['elements']).map((one) => asText(asJson(asJson(one)['text'])['text']));
      expect(labels[0]?.length).toBeLessThanOrEqual(75);
      expect(labels[0]).toMatch(/…$/);
      const tooMany = { ...good, buttons: Array.from({ length: 41 }, () => [button]) };
      const tooLong = { ...good, buttons: [[{ label: 'a', data: 'x'.repeat(2_001) }]] };
      for (const message of [tooMany, tooLong])
        expect(await stage.send(dm, message)).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
    }));

  it.each([
    ['', 'bad_request'],
    ['```\n\n```', 'bad_request'],
    ['x'.repeat(4_001), 'too_long'],
  ])('that cannot be sent is refused before anybody is asked: %#', (markdown, code) =>
    onStage({}, async (stage) => {
      const result = await stage.send(addressOf(stage.slack.ada.dm), makeOutbound(markdown));
      expect(result).toMatchObject({ ok: false, code, reached: 'no' });
      expect(argsOf(stage, 'chat.postMessage')).toEqual([]);
    }),
  );

  it('too long for text alone is shown in blocks also when it is plain', () =>
    onStage({}, async (stage) => {
      const text = 'é & '.repeat(999).trimEnd();
      await stage.send(addressOf(stage.slack.ada.dm), { ...makeOutbound(text), plain: true });
      const [message] = await stage.slack.ours(stage.slack.ada.dm);
      expect(textOf(message ?? {})).toBe(text);
      expect(Buffer.byteLength(asText(message?.['text']))).toBeLessThanOrEqual(4_000);
    }));
});

describe('an edit', () => {
  it('goes through where blocks of another kind are refused', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const dm = addressOf(slack.ada.dm);
      const sent = await stage.send(dm, makeOutbound('preview …'));
      const id = sent.ok ? (sent.ids[0] ?? messageId('')) : messageId('');
      const hasTable = (args: Json) => JSON.stringify(args['blocks'] ?? '').includes('"table"');
      slack.fail({ method: 'chat.update', error: 'block_mismatch', when: hasTable });
      for (const message of [makeOutbound(TABLE), { ...makeOutbound('**done**'), plain: true }]) {
        expect(await adapter.edit?.(dm, id, message, AbortSignal.timeout(5_000))).toEqual({ ok: true, ids: [id] });
        expect(argsOf(stage, 'chat.update').at(-1)).toMatchObject({ parse: 'none', link_names: 'false' });
      }
      expect((await slack.ours(slack.ada.dm)).map(textOf)).toEqual(['**done**'.replaceAll('*', '')]);
      slack.fail({ method: 'chat.update', error: 'cant_update_message' });
      const refused = await adapter.edit?.(dm, id, makeOutbound('x'), AbortSignal.timeout(5_000));
      expect(refused).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
      expect(slack.violations).toEqual([]);
    }));
});

describe('files', () => {
  it('go out in one message with their text, under names that are only names', () =>
    onStage({}, async (stage) => {
      await withFiles(async (files) => {
        const { slack } = stage;
        const dm = addressOf(slack.ada.dm);
        const result = await stage.send(dm, { ...makeOutbound(`**two** files\n\n${TABLE}`), files });
        const [message, ...others] = await slack.ours(slack.ada.dm);
        expect(others).toEqual([]);
        expect(result).toEqual({ ok: true, ids: [message?.['ts']] });
        expect(asList(message?.['files']).map((file) => asJson(file)['name'])).toEqual([
          'one.txt',
          'two _quoted_name.ogg',
        ]);
        expect(textOf(message ?? {})).toContain('two files');
        expect(slack.violations).toEqual([]);
      });
    }));

  it('come before a text with buttons, and are not sent again when only the text is missing', () =>
    onStage({}, async (stage) => {
      await withFiles(async (files) => {
        const { slack, adapter } = stage;
        const dm = addressOf(slack.ada.dm);
        const message: OutboundMessage = {
          ...makeOutbound('Keep it?'),
          files,
          buttons: [[{ label: 'Yes', data: 'y' }]],
        };
        slack.fail({ method: 'chat.postMessage', drop: 'before' });
        expect(await stage.send(dm, message)).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
        expect(await adapter.find?.(dm, message.key)).toBeUndefined();
        const again = await stage.send(dm, message);
        expect(again).toMatchObject({ ok: true, ids: [expect.any(String), expect.any(String)] });
        expect(await adapter.find?.(dm, message.key)).toEqual(again);
        expect((await slack.ours(slack.ada.dm)).map((one) => asList(one['files']).length)).toEqual([2, 0]);
      });
    }));

  it('wait for a rate limit between the pieces of one message', () =>
    onStage({}, async (stage) => {
      await withFiles(async (files) => {
        const { slack } = stage;
        const dm = addressOf(slack.ada.dm);
        slack.fail({ method: 'chat.postMessage', retryAfter: 0 });
        const message = { ...makeOutbound('Keep it?'), files, buttons: [[{ label: 'Yes', data: 'y' }]] };
        expect(await stage.send(dm, message)).toMatchObject({ ok: true });
      });
    }));

  it.each([
    [{ method: 'upload', status: 500 } as const, 'unreachable', 'maybe'],
    [{ method: 'files.getUploadURLExternal', error: 'file_uploads_disabled' } as const, 'unsupported', 'no'],
    [{ method: 'files.completeUploadExternal', error: 'is_archived' } as const, 'forbidden', 'no'],
    [{ method: 'files.completeUploadExternal', drop: 'before' } as const, 'unreachable', 'maybe'],
  ])('that fail with %o are told', (rule, code, reached) =>
    onStage({}, async (stage) => {
      await withFiles(async (files) => {
        const { slack, adapter } = stage;
        slack.fail(rule);
        const message = { ...makeOutbound('x'), files };
        const dm = addressOf(slack.ada.dm);
        expect(await stage.send(dm, message)).toMatchObject({ ok: false, code, reached });
        expect(await adapter.find?.(dm, message.key)).toBeUndefined();
        expect(await stage.send(dm, message)).toMatchObject({ ok: true });
        expect(await slack.ours(slack.ada.dm)).toHaveLength(1);
      });
    }),
  );

  it('whose answer got lost are found again, in another process too', () =>
    onStage({}, async (stage) => {
      await withFiles(async (files) => {
        const { slack } = stage;
        const dm = addressOf(slack.ada.dm);
        const message = { ...makeOutbound(''), files };
        slack.fail({ method: 'files.completeUploadExternal', drop: 'after' });
        expect(await stage.send(dm, message)).toMatchObject({ ok: false, reached: 'maybe' });
        await stage.stop();
        await stage.start();
        const [sent] = await slack.ours(slack.ada.dm);
        expect(await stage.adapter.find?.(dm, message.key)).toEqual({ ok: true, ids: [sent?.['ts']] });
      });
    }));

  it('are uploaded to Slack only', () =>
    onStage({ settings: {} }, async (stage) => {
      await withFiles(async (files) => {
        const { slack } = stage;
        const elsewhere = { ok: true, upload_url: 'http://169.254.169.254/latest', file_id: 'F1' };
        slack.fail({ method: 'files.getUploadURLExternal', raw: JSON.stringify(elsewhere) });
        const result = await stage.send(addressOf(slack.ada.dm), { ...makeOutbound('x'), files });
        expect(result).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
      });
    }));
});

describe('finding a message', () => {
  it('looks in the thread that it went to', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const root = await slack.sayAsSelf(slack.general, 'root');
      const message = makeOutbound('in the thread');
      slack.fail({ method: 'chat.postMessage', drop: 'after' });
      const at = addressOf(slack.general, root);
      expect(await stage.send(at, message)).toMatchObject({ ok: false, reached: 'maybe' });
      const sent = (await slack.ours(slack.general)).at(-1);
      expect(await adapter.find?.(at, message.key)).toEqual({ ok: true, ids: [sent?.['ts']] });
      expect(await adapter.find?.(at, 'another')).toBeUndefined();
      expect(await adapter.find?.(addressOf(slack.general), message.key)).toBeUndefined();
    }));

  it('is told apart from not knowing', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const dm = addressOf(slack.ada.dm);
      slack.fail({ method: 'conversations.history', status: 503 });
      expect(await adapter.find?.(dm, 'k')).toMatchObject({ ok: false, code: 'unreachable' });
      slack.fail({ method: 'conversations.history', retryAfter: 9 });
      expect(await adapter.find?.(dm, 'k')).toMatchObject({ ok: false, code: 'rate_limited', retryAfterMs: 9_000 });
    }));
});

describe('signs of life', () => {
  it('a status shows in threads, and is given up where Slack has none for us', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const root = await slack.sayAsSelf(slack.general, 'root');
      const thread = addressOf(slack.general, root);
      expect(adapter.capabilities(thread).typing).toEqual({ support: 'partial', ttlMs: 60_000 });
      expect(adapter.capabilities(addressOf(slack.general)).typing.support).toBe('dropped');
      await adapter.typing?.(thread);
      expect(slack.statuses.get(`${slack.general} ${root}`)).toBe('is thinking…');
      await stage.send(thread, makeOutbound('done'));
      expect(slack.statuses.size).toBe(0);
      await adapter.typing?.(addressOf(slack.ada.dm));
      slack.fail({ method: 'assistant.threads.setStatus', error: 'missing_scope', more: { needed: 'chat:write' } });
      await adapter.typing?.(thread);
      await adapter.typing?.(thread);
      expect(argsOf(stage, 'assistant.threads.setStatus')).toHaveLength(2);
    }));

  it('a reaction replaces the one before, and may be set twice', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const dm = addressOf(slack.ada.dm);
      const id = messageId(await slack.ada.say(slack.ada.dm, 'nice'));
      for (const emoji of ['👀', '✅', '✅️']) expect(await adapter.react?.(dm, id, emoji)).toMatchObject({ ok: true });
      const added = argsOf(stage, 'reactions.add').map((args) => args['name']);
      expect(added).toEqual(['eyes', 'white_check_mark']);
      expect(argsOf(stage, 'reactions.remove').map((args) => args['name'])).toEqual(['eyes']);
      expect(await adapter.react?.(dm, id, '🦩')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
      expect(await adapter.react?.(dm, messageId('1.000001'), undefined)).toMatchObject({
        ok: false,
        code: 'not_found',
      });
    }));

  it('no DM is opened with nobody', () =>
    onStage({}, async ({ adapter, slack }) => {
      slack.fail({ method: 'conversations.open', error: 'user_not_found' });
      expect(await adapter.openDm?.(userId('U404'))).toBeUndefined();
    }));
});
