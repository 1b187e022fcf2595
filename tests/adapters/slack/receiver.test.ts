// What people do in the workspace, as the core is told of it: threads, names, commands, forwarded things, groups.
import { describe, expect, it } from 'vitest';
import { messageId } from '../../../shared/ids.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { BOT_USER } from '../../support/slack/emulator.ts';
import { BOT_TOKEN } from '../../support/slack/workspace.ts';
import { addressOf } from './slack-harness.ts';
import { onStage, type Stage } from './stage.ts';

const ASK = `<@${BOT_USER}> what time is it?`;

/** Resolves with the message of this text. */
const got = ({ record }: Stage, text: string) => record.waitFor((message) => message.text === text);

/** The machine may be busy. */
const PATIENT = { timeout: 10_000 };

describe('channels', () => {
  it('a mention comes as two events and is one message, in a thread of its own', () =>
    onStage({}, async (stage) => {
      const { slack, record } = stage;
      const id = await slack.ada.say(slack.general, ASK, { isRaw: true });
      expect(await got(stage, 'what time is it?')).toMatchObject({
        id,
        chatKind: 'group',
        chatTitle: '#town',
        thread: id,
        addressed: true,
        sender: { id: slack.ada.id, name: 'Ada', username: 'ada' },
      });
      await record.waitUntil(() => record.answers.length === 2);
      expect(record.answers.map((answer) => answer.outcome)).toEqual(['new', 'duplicate']);
    }));

  it('in the thread it goes on without being named; others in the channel are not meant for us', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const root = await slack.ada.say(slack.general, ASK, { isRaw: true });
      await slack.eve.say(slack.general, 'in that thread', { thread: root });
      expect(await got(stage, 'in that thread')).toMatchObject({ thread: root, addressed: true });
      await slack.eve.say(slack.general, 'somewhere else');
      expect(await got(stage, 'somewhere else')).toMatchObject({ thread: undefined, addressed: false });
      const other = await slack.eve.say(slack.general, 'lunch?');
      await slack.ada.say(slack.general, 'yes', { thread: other });
      expect(await got(stage, 'yes')).toMatchObject({ thread: other, addressed: false });
    }));

  it('threads that we wrote in are followed, also after a restart', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const root = await slack.eve.say(slack.general, 'lunch?');
      await stage.send(addressOf(slack.general, root), makeOutbound('I do not eat.'));
      await slack.eve.say(slack.general, 'a pity', { thread: root });
      expect(await got(stage, 'a pity')).toMatchObject({ addressed: true });
      await stage.stop();
      await stage.start();
      await slack.eve.say(slack.general, 'really', { thread: root });
      expect(await got(stage, 'really')).toMatchObject({ addressed: true });
    }));

  it('threads are not followed, and not begun, where that is not wanted', () =>
    onStage({ settings: { reply_in_thread: false, follow_threads: false } }, async (stage) => {
      const { slack } = stage;
      const root = await slack.ada.say(slack.general, ASK, { isRaw: true });
      expect((await got(stage, 'what time is it?')).thread).toBeUndefined();
      await slack.ada.say(slack.general, 'well?', { thread: root });
      expect(await got(stage, 'well?')).toMatchObject({ thread: root, addressed: false });
    }));

  it('who names us in a thread of others shows us how it began, once', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const root = await slack.eve.say(slack.general, `Is <@${slack.ada.id}> &amp; co. right?`, {
        isRaw: true,
        isUntold: true,
      });
      await slack.ada.say(slack.general, ASK, { isRaw: true, thread: root });
      const first = await got(stage, 'what time is it?');
      expect(first.replyTo).toEqual({
        message: messageId(root),
        mine: false,
        text: 'Is @Ada & co. right?',
        author: 'Eve',
      });
      await slack.ada.say(slack.general, 'well?', { thread: root });
      expect((await got(stage, 'well?')).replyTo).toEqual({ message: messageId(root), mine: false });
    }));

  it('private channels and groups of people are groups; names stand for ids', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await slack.ada.say(slack.secret, 'psst');
      expect(await got(stage, 'psst')).toMatchObject({ chat: slack.secret, chatKind: 'group', chatTitle: '#vault' });
      await slack.ada.say(slack.trio, `hi <@${slack.eve.id}>`, { isRaw: true });
      expect(await got(stage, 'hi @Eve')).toMatchObject({ chat: slack.trio, chatKind: 'group', addressed: false });
    }));

  it('names are asked for once, and missed when Slack does not give them', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      slack.fail({ method: 'users.info', error: 'user_not_found' });
      slack.fail({ method: 'conversations.info', status: 500 });
      for (const text of ['one', 'two', 'three']) await slack.eve.say(slack.secret, text);
      expect((await got(stage, 'three')).sender).toEqual({
        id: slack.eve.id,
        name: undefined,
        username: undefined,
        bot: false,
      });
      const asked = slack.calls.filter((call) => call.method === 'users.info' && call.token === BOT_TOKEN);
      expect(asked).toHaveLength(1);
    }));

  it('our own words and those of programs cost no call', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const before = slack.calls.length;
      await slack.sayAsSelf(slack.general, 'it is noon');
      slack.sayAsRobot(slack.general, 'beep');
      await slack.ada.say(slack.ada.dm, 'done');
      await got(stage, 'done');
      const asked = slack.calls.slice(before).filter((call) => call.token === BOT_TOKEN);
      expect(asked.map((call) => call.method)).toEqual(['users.info']);
    }));
});

describe('direct messages', () => {
  it('have threads of their own, whose answers go there', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      const root = await slack.ada.say(slack.ada.dm, 'a question');
      expect(await got(stage, 'a question')).toMatchObject({ chatKind: 'dm', thread: undefined, addressed: true });
      await slack.ada.say(slack.ada.dm, 'more of it', { thread: root });
      const more = await got(stage, 'more of it');
      expect(more).toMatchObject({ thread: root, addressed: true });
      await stage.send(addressOf(slack.ada.dm, root), makeOutbound('an answer'));
      expect((await slack.ours(slack.ada.dm)).at(-1)).toMatchObject({ thread_ts: root });
    }));

  it('recorded clips are voice', () =>
    onStage({}, async (stage) => {
      const { slack, adapter } = stage;
      const file = {
        name: 'audio_message.m4a',
        mime: 'audio/mp4',
        bytes: new Uint8Array([1, 2, 3]),
        subtype: 'slack_audio',
      };
      await slack.ada.say(slack.ada.dm, '', { file });
      const message = await stage.record.waitFor((one) => one.attachments.length > 0);
      const [voice] = message.attachments;
      expect(voice).toMatchObject({ kind: 'voice', name: 'audio_message.m4a', durationMs: 2_300 });
      if (!voice) return;
      const stream = await adapter.open(voice, AbortSignal.timeout(5_000));
      expect([...new Uint8Array(await new Response(stream).arrayBuffer())]).toEqual([1, 2, 3]);
    }));
});

describe('slash commands', () => {
  const commands = [{ name: 'new', description: 'New' }];

  it.each(['socket', 'http'] as const)('are messages, acknowledged when they are stored (%s)', (mode) =>
    onStage({ mode }, async (stage) => {
      const { slack, record, adapter } = stage;
      await adapter.publishCommands?.(commands);
      record.failNext(1);
      slack.ada.slash(slack.ada.dm, '/herald', 'new idea');
      slack.ada.slash(slack.ada.dm, '/herald', `ask &lt;@${slack.eve.id}|eve&gt;`);
      slack.ada.slash(slack.general, '/herald-new', '');
      slack.ada.slash(slack.ada.dm, '/herald', '');
      slack.ada.slash(slack.ada.dm, '/Other', 'x');
      await record.waitUntil(() => record.received.length === 5);
      expect(record.received.map((message) => message.text).toSorted()).toEqual(
        ['/help', '/new', '/new idea', '/other x', `ask <@${slack.eve.id}|eve>`].toSorted(),
      );
      const first = record.received.find((message) => message.text === '/new idea');
      expect(first).toMatchObject({
        kind: 'message',
        addressed: true,
        chat: slack.ada.dm,
        sender: { username: 'ada' },
      });
      expect(record.received.find((message) => message.text === '/new')).toMatchObject({ chatKind: 'group' });
      if (slack.requestUrl) {
        await slack.requestUrl.settle();
        expect(slack.requestUrl.deliveries.map(({ status, body }) => `${status}${body}`)).toEqual(Array(5).fill('200'));
      } else await expect.poll(() => slack.hub.acked.size, PATIENT).toBe(5);
    }),
  );

  it('typed in a DM with somebody else are answered in ours', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      slack.ada.slash('D0ADAANDEVE', '/herald', 'hello');
      expect(await got(stage, 'hello')).toMatchObject({ chat: slack.ada.dm, chatKind: 'dm' });
    }));

  it('can be written as !name, since Slack keeps the slash for itself in threads', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await slack.ada.say(slack.ada.dm, '!new idea');
      await got(stage, '!new idea');
    }));
});

describe('presses', () => {
  it('tell the message, its thread and what the button carries', () =>
    onStage({}, async (stage) => {
      const { slack, record } = stage;
      const root = await slack.sayAsSelf(slack.general, 'root');
      const message = { ...makeOutbound('Allow it?'), buttons: [[{ label: 'Yes', data: 'allow:1' }]] };
      const sent = await stage.send(addressOf(slack.general, root), message);
      const id = sent.ok ? (sent.ids[0] ?? messageId('')) : messageId('');
      await slack.eve.press(slack.general, id, 'allow:1');
      const press = await record.waitFor((one) => one.kind === 'button');
      expect(press).toMatchObject({
        chat: slack.general,
        thread: root,
        addressed: true,
        sender: { id: slack.eve.id },
        button: { data: 'allow:1', message: id },
      });
    }));

  it('of other things are passed over, and acknowledged', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      for (const body of [{ type: 'view_submission', view: {} }, { type: 'shortcut' }, {}])
        slack.hub.send('interactive', body);
      await expect.poll(() => slack.hub.acked.size, PATIENT).toBe(3);
      expect(stage.texts()).toEqual([]);
    }));
});
