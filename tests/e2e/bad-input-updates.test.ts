// Updates that no Bot API should send, between good ones: the good ones are answered, in order and once, the queue moves on, and the
// process lives.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../support/gateway-process.ts';
import { openBench, type Bench } from './bad-input-support.ts';

const ANN = 101;
const chat = { id: ANN, type: 'private', first_name: 'Ann' };
const from = { id: ANN, is_bot: false, first_name: 'Ann' };
const now = () => Math.floor(Date.now() / 1_000);
/** Beyond what the server gives out itself. */
let lastId = 9_000;
const message = (more: Record<string, unknown>) => ({
  message_id: ++lastId,
  date: now(),
  chat,
  from,
  text: 'odd',
  ...more,
});

/** As deep as JSON.parse goes without complaint, and much deeper than anything real. */
function nest(depth: number): unknown {
  let node: unknown = 'end';
  for (let level = 0; level < depth; level++) node = level % 2 === 0 ? { node } : [node];
  return node;
}

const UNREADABLE: Record<string, Record<string, unknown>> = {
  'null in place of a message': { message: null },
  'a text in place of a message': { message: 'hello' },
  'a list in place of a message': { message: [message({})] },
  'a message without a chat': { message: { message_id: 1, date: now(), from, text: 'x' } },
  'a message without an id': { message: { date: now(), chat, from, text: 'x' } },
  'a message without a date': { message: { message_id: 2, chat, from, text: 'x' } },
  'an id that is a text': { message: message({ message_id: '12' }) },
  'an id with a fraction': { message: message({ message_id: 1.5 }) },
  'an id beyond what is exact': { message: message({ message_id: 2 ** 60 }) },
  'a chat id of 1e308': { message: message({ chat: { ...chat, id: 1e308 } }) },
  'a sender that is a number': { message: message({ from: 5 }) },
  'a sender of null': { message: message({ from: null }) },
  'text that is an object': { message: message({ text: { toString: 'x' } }) },
  'text that is null': { message: message({ text: null }) },
  'photos that are a text': { message: message({ photo: 'a.jpg' }) },
  'deep nesting in a known field': { message: message({ from: nest(2_000) }) },
  'a press without a sender': { callback_query: { id: '1', data: 'x' } },
  'a press of garbage': { callback_query: [[[]]] },
  'an edit of nothing': { edited_message: false },
  '__proto__ as a field': JSON.parse(
    '{"message":{"__proto__":{"message_id":1},"constructor":{"prototype":{}}}}',
  ) as Record<string, unknown>,
};

const UNUSED: Record<string, Record<string, unknown>> = {
  'no kind at all': {},
  'an unknown kind': { quantum_message: { spin: 'up' } },
  'an unknown kind, deep': { thing: nest(3_000) },
  'a poll': { poll: { id: '1', question: 'q', options: [] } },
  'a channel post': { channel_post: message({ chat: { id: -100_5, type: 'channel', title: 'News' } }) },
  'a message in an unknown kind of chat': { message: message({ chat: { id: 5, type: 'hologram' } }) },
  'a service message': { message: { ...message({}), text: undefined, new_chat_title: 'x' } },
  'a message without a sender': { message: { ...message({}), from: undefined } },
  'a member that came and went': { my_chat_member: { chat, from, date: 1, new_chat_member: null } },
};

/** Readable enough: what the person said is answered, whatever is odd about it. */
const SALVAGED: Record<string, Record<string, unknown>> = {
  'entities that are garbage': message({ entities: [{ type: 1, offset: -1, length: 'x' }, null, 7] }),
  'entities outside the text': message({
    entities: [
      { type: 'mention', offset: 900, length: 10 },
      { type: 'text_link', offset: 2, length: 2 ** 40, url: 'http://a.example' },
      { type: 'bot_command', offset: 0, length: 0 },
    ],
  }),
  'a reply to garbage': message({ reply_to_message: { text: 5 } }),
  'a quote of deep nesting': message({ quote: nest(2_000) }),
  'a date of 1e300': message({ date: 1e300 }),
  'a date in fractions': message({ date: now() + 0.25 }),
  'the largest message id': message({ message_id: Number.MAX_SAFE_INTEGER }),
  'a text of 1 MB': message({ text: `${'lorem '.repeat(170_000)}` }),
  'fields of a later Bot API': message({ telepathy: nest(1_000), chat: { ...chat, mood: [null] } }),
};

/** Readable, with values at the edge of what is meant: they may be answered or not, and must do no harm. */
const EDGES: Record<string, Record<string, unknown>> = {
  'a negative date': { message: message({ date: -5, text: 'from before time' }) },
  'a file of impossible size': {
    message: message({ text: undefined, document: { file_id: 'nope', file_size: 1e300 } }),
  },
  'a file with a hostile name': {
    message: message({
      message_id: 9_104,
      text: undefined,
      document: { file_id: '../../etc/passwd', file_name: '../../../etc/pass\u0000wd', mime_type: 'x'.repeat(5_000) },
    }),
  },
  'a press on a message that is not there': {
    callback_query: { id: '77', from, data: '/resend nothing', message: { message_id: 0, date: 0, chat } },
  },
  'a press with a huge payload': {
    callback_query: { id: '78', from, data: 'z'.repeat(100_000), message: { message_id: 3, date: now(), chat } },
  },
  'an edit of a message that was never sent': { edited_message: message({ message_id: 4_242, edit_date: now() }) },
};

describe('updates that are not as they should be', () => {
  let bench: Bench;
  const ann = () => bench.bot.user(ANN, 'Ann');
  const answers = (part: string) => bench.texts(ANN).filter((text) => text.includes(part)).length;

  beforeAll(async () => {
    bench = await openBench({ script: (call) => ({ text: `Heard: ${call.user.slice(-60)}` }) });
    await bench.start();
  }, 60_000);
  afterAll(() => bench?.close());

  async function between(name: string, updates: Record<string, Record<string, unknown>>): Promise<void> {
    ann().dm.sendText(`before ${name}`);
    for (const update of Object.values(updates)) bench.bot.inject(update);
    ann().dm.sendText(`after ${name}`);
    await bench.bot.waitForText(ANN, `Heard: after ${name}`, 15_000);
    await waitFor('the queue to move on', () => bench.bot.pendingUpdates().length === 0);
    await bench.settled();
    expect(answers(`before ${name}`)).toBe(1);
    expect(answers(`after ${name}`)).toBe(1);
    expect(bench.gateway().child.exitCode).toBeNull();
  }

  /** Answers only: what came during a turn may get a receipt besides. */
  const answered = () => answers('Heard:');

  it('what cannot be read is left out, and said in the log without its content', async () => {
    const before = answered();
    await between('the unreadable', UNREADABLE);
    // Two questions, two answers: nothing else was said.
    expect(answered() - before).toBe(2);
    const told = bench.log().split('update could not be read').length - 1;
    expect(told).toBe(Object.keys(UNREADABLE).length);
  });

  it('kinds that are not used are left out', async () => {
    const before = answered();
    await between('the unused', UNUSED);
    expect(answered() - before).toBe(2);
  });

  it.each(Object.entries(SALVAGED))('%s: the words are answered', async (name, odd) => {
    const words = `salvaged ${name}`;
    bench.bot.inject({ message: { ...odd, text: `${String(odd['text'])} ${words}` } });
    await bench.bot.waitForText(ANN, words);
    await bench.settled();
    expect(answers(words)).toBe(1);
  });

  it.each(Object.entries(EDGES))('%s does no harm', async (name, update) => {
    await between(name, { update });
  });

  it('an update without a usable id is passed over, without asking for it in a loop', async () => {
    const calls = () => bench.bot.calls.filter((call) => call.method === 'getUpdates').length;
    const before = calls();
    await between('the unnumbered', {
      text: { update_id: 'seven', message: message({ text: 'no number' }) },
      nothing: { update_id: null },
      huge: { update_id: 1e300, message: message({ text: 'huge number' }) },
    });
    expect(calls() - before).toBeLessThan(20);
  });

  it('nothing of it is left undone, and nothing died', async () => {
    const status = await bench.settled();
    expect(status.inbox['dead'] ?? 0).toBe(0);
    expect(status.outbox['dead'] ?? 0).toBe(0);
    expect(status.adapters.find((adapter) => adapter.platform === 'telegram')).toMatchObject({
      state: 'online',
      restarts: 0,
    });
    expect(bench.log()).not.toMatch(/"level":(50|60)/);
  });
});
