// What was said while nobody listened is fetched, in order, once, within the limits; what comes live waits for it.
import { describe, expect, it } from 'vitest';
import { ALL_SCOPES } from '../../../adapters/slack/app-manifest.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { BOT_USER } from '../../support/slack/emulator.ts';
import { addressOf } from './slack-harness.ts';
import { onStage, type Stage } from './stage.ts';

const DAY_MS = 24 * 3_600_000;
const untold = { isUntold: true };

/** Says something that arrives live, so that the channel is known. */
async function know({ slack, record }: Stage, channel: string): Promise<void> {
  await slack.ada.say(channel, `known ${channel}`);
  await record.waitFor((message) => message.text === `known ${channel}`);
}

async function whileDown(stage: Stage, run: () => Promise<void>): Promise<void> {
  await stage.stop();
  await run();
  await stage.start();
}

/** What was received besides that. */
const news = (stage: Stage) => stage.texts().filter((text) => !text.startsWith('known'));

/** A fetch that lets calls of a method through only when told. */
function makeGate(method: string) {
  let open = Promise.withResolvers<void>();
  open.resolve();
  let waiting = 0;
  const gated: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url.endsWith(`/${method}`)) {
      waiting++;
      await open.promise;
      waiting--;
    }
    return fetch(input, init);
  };
  return {
    fetch: gated,
    close: () => (open = Promise.withResolvers<void>()),
    open: () => open.resolve(),
    waiting: () => waiting,
  };
}

/** The machine may be busy. */
const PATIENT = { timeout: 10_000 };

describe('backfill', () => {
  it('fetches channels, threads and first messages, each once and in order', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.ada.dm);
      await know(stage, slack.general);
      const followed = await slack.eve.say(slack.general, 'known lunch?');
      await stage.send(addressOf(slack.general, followed), makeOutbound('I do not eat.'));
      const dmThread = await slack.ada.say(slack.ada.dm, 'known question');
      await whileDown(stage, async () => {
        await slack.ada.say(slack.ada.dm, 'dm 1', untold);
        await slack.eve.say(slack.general, 'a pity', { thread: followed, ...untold });
        const root = await slack.eve.say(slack.general, 'channel 1', untold);
        await slack.ada.say(slack.general, `<@${BOT_USER}> in a new thread`, { thread: root, isRaw: true, ...untold });
        await slack.ada.say(slack.ada.dm, 'in a thread of the dm', { thread: dmThread, ...untold });
        await slack.eve.say(slack.eve.dm, 'hello for the first time', untold);
        await slack.ada.say(slack.secret, 'psst', untold);
        await slack.ada.say(slack.ada.dm, 'dm 2', untold);
      });
      await stage.record.waitUntil(() => news(stage).length === 8);
      const of = (channel: string) =>
        stage.record.received
          .filter(({ chat, text }) => chat === channel && !text.startsWith('known'))
          .map(({ text }) => text);
      expect(of(slack.ada.dm)).toEqual(['dm 1', 'in a thread of the dm', 'dm 2']);
      expect(of(slack.general)).toEqual(['a pity', 'channel 1', 'in a new thread']);
      expect(of(slack.eve.dm)).toEqual(['hello for the first time']);
      expect(of(slack.secret)).toEqual(['psst']);
      expect(stage.record.received.find((message) => message.text === 'a pity')).toMatchObject({ addressed: true });
      expect(stage.record.gaps).toEqual([]);
      await whileDown(stage, async () => {});
      await slack.ada.say(slack.ada.dm, 'known end');
      await stage.record.waitFor((message) => message.text === 'known end');
      expect(news(stage)).toHaveLength(8);
    }));

  it('asks for nothing at the first start', () =>
    onStage({}, async ({ slack, texts, record }) => {
      await slack.ada.say(slack.ada.dm, 'hello');
      await record.waitFor((message) => message.text === 'hello');
      expect(slack.calls.map((call) => call.method)).not.toContain('conversations.history');
      expect(texts()).toEqual(['hello']);
    }));

  it('happens after each reconnect too', () =>
    onStage({}, async (stage) => {
      const { slack, record } = stage;
      await know(stage, slack.ada.dm);
      slack.hub.drop('cut');
      await slack.ada.say(slack.ada.dm, 'lost', untold);
      await record.waitFor((message) => message.text === 'lost');
    }));

  it('beyond the count takes the latest, and tells of the gap once', () =>
    onStage({ backfill: { maxAgeMs: DAY_MS, maxMessages: 3 } }, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.ada.dm);
      await whileDown(stage, async () => {
        for (let i = 1; i <= 7; i++) await slack.ada.say(slack.ada.dm, `number ${i}`, untold);
      });
      await stage.record.waitUntil(() => news(stage).length === 3);
      expect(news(stage)).toEqual(['number 5', 'number 6', 'number 7']);
      await stage.record.waitUntil(() => stage.record.gaps.length === 1);
      const [gap] = stage.record.gaps;
      expect(gap).toMatchObject({ reason: 'limit', chat: { id: slack.ada.dm, kind: 'dm' } });
      expect(gap && gap.since <= gap.until).toBe(true);
      await whileDown(stage, async () => {});
      await know(stage, slack.general);
      expect([news(stage).length, stage.record.gaps]).toEqual([3, []]);
    }));

  it('beyond the age takes nothing, and tells of the gap once', () =>
    onStage({ backfill: { maxAgeMs: DAY_MS, maxMessages: 100 } }, async (stage) => {
      const { slack } = stage;
      const clock = { ...systemClock, now: () => Date.now() + 2 * DAY_MS };
      await know(stage, slack.ada.dm);
      await know(stage, slack.general);
      await stage.stop();
      await slack.ada.say(slack.ada.dm, 'too old', untold);
      await stage.start({ clock });
      await stage.record.waitUntil(() => stage.record.gaps.length > 0);
      // Only a look at all channels that came to its end moves the time since when they count as unheard.
      await stage.record.waitUntil(() => Number(stage.record.cursors.get('alive')) > Date.now() + DAY_MS);
      expect(stage.record.gaps).toMatchObject([{ reason: 'limit', chat: { id: slack.ada.dm } }]);
      await stage.stop();
      await stage.start({ clock });
      await know(stage, slack.secret);
      expect([news(stage), stage.record.gaps]).toEqual([[], []]);
    }));

  it('is not overtaken by what comes live, in channels known and unknown', async () => {
    const gate = makeGate('conversations.history');
    await onStage({ fetch: gate.fetch }, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.ada.dm);
      await stage.stop();
      await slack.ada.say(slack.ada.dm, 'first', untold);
      await slack.eve.say(slack.eve.dm, 'eve first', untold);
      gate.close();
      await stage.start();
      await slack.ada.say(slack.ada.dm, 'second');
      await slack.eve.say(slack.eve.dm, 'eve second');
      await expect.poll(gate.waiting, PATIENT).toBe(1);
      expect(news(stage)).toEqual([]);
      gate.open();
      await stage.record.waitUntil(() => news(stage).length === 4);
      const of = (channel: string) =>
        stage.record.received.filter(({ chat }) => chat === channel).map(({ text }) => text);
      expect(of(slack.ada.dm).slice(-2)).toEqual(['first', 'second']);
      expect(of(slack.eve.dm)).toEqual(['eve first', 'eve second']);
    });
  });

  it('waits where Slack asks for it, and over broken connections', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.ada.dm);
      await whileDown(stage, async () => {
        await slack.ada.say(slack.ada.dm, 'patience', untold);
        slack.fail({ method: 'conversations.history', retryAfter: 0 });
        slack.fail({ method: 'conversations.history', drop: 'before' });
        slack.fail({ method: 'users.conversations', status: 500 });
      });
      await stage.record.waitFor((message) => message.text === 'patience');
    }));

  it('without the scope for a kind of channel tells that nobody knows', () =>
    onStage({ scopes: ALL_SCOPES.filter((scope) => scope !== 'groups:history') }, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.secret);
      await whileDown(stage, () => slack.ada.say(slack.secret, 'unreadable', untold).then(() => undefined));
      await stage.record.waitUntil(() => stage.record.gaps.length > 0);
      expect(stage.record.gaps).toMatchObject([{ reason: 'no-replay', chat: { id: slack.secret, kind: 'group' } }]);
      await know(stage, slack.ada.dm);
    }));

  it('of an app that may only read direct messages finds those', () =>
    onStage({ scopes: ['chat:write', 'im:history', 'im:read', 'im:write', 'users:read'] }, async (stage) => {
      const { slack } = stage;
      await whileDown(stage, () => slack.eve.say(slack.eve.dm, 'the first time', untold).then(() => undefined));
      await stage.record.waitFor((message) => message.text === 'the first time');
    }));

  it('of a channel that we left stops, and others go on', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.general);
      await know(stage, slack.ada.dm);
      await whileDown(stage, async () => {
        slack.fail({
          method: 'conversations.history',
          error: 'not_in_channel',
          when: (args) => args['channel'] === slack.general,
        });
        await slack.ada.say(slack.ada.dm, 'still here', untold);
      });
      await stage.record.waitFor((message) => message.text === 'still here');
      await stage.record.waitUntil(() => !stage.record.cursors.has(`at.${slack.general}`));
    }));

  it('that cannot be stored goes on where it was, and nothing is lost or doubled', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await know(stage, slack.ada.dm);
      await stage.stop();
      for (let i = 1; i <= 5; i++) await slack.ada.say(slack.ada.dm, `number ${i}`, untold);
      await stage.start();
      stage.record.failNext(1_000);
      await stage.record.waitUntil(() => stage.record.answers.some((answer) => answer.outcome === 'failed'));
      await stage.stop();
      const at = stage.record.cursors.get(`at.${slack.ada.dm}`) ?? '';
      const stored = stage.record.received.map((message) => message.id);
      expect(stored.some((id) => id === at)).toBe(true);
      await stage.start();
      await stage.record.waitUntil(() => news(stage).length === 5);
      expect(news(stage)).toEqual([1, 2, 3, 4, 5].map((i) => `number ${i}`));
    }));
});
