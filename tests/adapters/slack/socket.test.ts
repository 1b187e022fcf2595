// The Socket Mode connection: made again promptly, never without one where that can be, told when it is refused.
import { describe, expect, it } from 'vitest';
import { eventBody, messageEvent } from '../../support/slack/payloads.ts';
import { BOT_TOKEN, APP_TOKEN } from '../../support/slack/workspace.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { addressOf } from './slack-harness.ts';
import { onStage } from './stage.ts';

/** The machine may be busy. */
const PATIENT = { timeout: 10_000 };

describe('a connection', () => {
  it('acknowledges an envelope when it is stored, not before', () =>
    onStage({}, async ({ slack, record }) => {
      record.failNext(2);
      await slack.ada.say(slack.ada.dm, 'hello');
      await record.waitUntil(() => record.answers.length === 1);
      expect(slack.hub.acked.size).toBe(0);
      await record.waitFor((message) => message.text === 'hello');
      await expect.poll(() => slack.hub.acked.size, PATIENT).toBe(1);
      expect(slack.hub.acked.has(slack.hub.sent[0]?.id ?? '')).toBe(true);
    }));

  it('takes an envelope that Slack sends again, and acknowledges it too', () =>
    onStage({}, async ({ slack, record, texts }) => {
      const event = messageEvent(
        { user: slack.ada.id, ts: '1763700000.000100', text: 'once' },
        { id: slack.ada.dm, type: 'im' },
      );
      for (let retry = 0; retry < 3; retry++) slack.hub.send('events_api', eventBody(event), retry);
      await expect.poll(() => slack.hub.acked.size, PATIENT).toBe(3);
      expect(texts()).toEqual(['once']);
      expect(record.answers.map((answer) => answer.outcome)).toEqual(['new', 'duplicate', 'duplicate']);
    }));

  it('that Slack announces to end is followed by the next one before it ends', () =>
    onStage({}, async ({ slack, record, texts }) => {
      record.failNext(2);
      await slack.ada.say(slack.ada.dm, 'in the making');
      slack.hub.drop('warn');
      await expect.poll(() => slack.hub.opened(), PATIENT).toBe(2);
      await slack.ada.say(slack.ada.dm, 'over the next one');
      await record.waitFor((message) => message.text === 'over the next one');
      expect(texts()).toEqual(['in the making', 'over the next one']);
      expect(record.states.map((entry) => entry.state)).not.toContain('offline');
    }));

  it('that answers no pings is given up, and what was said meanwhile is fetched', () =>
    onStage({ pingTimeoutMs: 150 }, async ({ slack, record }) => {
      await slack.ada.say(slack.ada.dm, 'before');
      await record.waitFor((message) => message.text === 'before');
      slack.hub.playDead(true);
      await slack.ada.say(slack.ada.dm, 'into the void', { isUntold: true });
      await expect.poll(() => slack.hub.opened(), PATIENT).toBeGreaterThan(1);
      slack.hub.playDead(false);
      await record.waitFor((message) => message.text === 'into the void');
    }));

  it('ends with the adapter, and leaves nothing behind', () =>
    onStage({}, async ({ slack, adapter }) => {
      await adapter.stop();
      await expect.poll(() => slack.hub.count(), PATIENT).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(slack.hub.opened()).toBe(1);
    }));
});

describe('no connection', () => {
  it('is tried again for ever, with growing waits', () =>
    onStage({ isOnline: false }, async ({ slack, record }) => {
      slack.fail({ method: 'apps.connections.open', raw: '<html>maintenance</html>' });
      await record.waitUntil(() => record.states.at(-1)?.state === 'online', 10_000);
      slack.hub.drop('cut');
      slack.fail({ method: 'apps.connections.open', drop: 'before' });
      slack.fail({ method: 'apps.connections.open', retryAfter: 0 });
      await expect.poll(() => slack.hub.count(), PATIENT).toBe(1);
      await slack.ada.say(slack.ada.dm, 'still there?');
      await record.waitFor((message) => message.text === 'still there?');
    }));

  it('because the app token is refused asks for a login, once, and tells no token', () =>
    onStage({ isOnline: false, settings: { app_token: 'xapp-1-A0-0000000000-wrong' } }, async ({ slack, record }) => {
      await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
      expect(record.states.at(-1)?.detail).toContain('SLACK_APP_TOKEN');
      const told = [...record.logs, ...record.states.map((entry) => entry.detail ?? '')].join();
      for (const secret of [BOT_TOKEN, APP_TOKEN, 'xapp-1-A0-0000000000-wrong']) expect(told).not.toContain(secret);
      expect(slack.calls.filter((call) => call.method === 'apps.connections.open')).toHaveLength(1);
    }));

  it('because the app token lacks its scope names the scope', () =>
    onStage({ isOnline: false }, async ({ slack, record }) => {
      await record.waitUntil(() => record.states.length > 1);
      slack.fail({ method: 'apps.connections.open', error: 'missing_scope', more: { needed: 'connections:write' } });
      slack.hub.drop('cut');
      await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
      expect(record.states.at(-1)?.detail).toContain('connections:write');
    }));

  it('because the bot token is revoked asks for a login', () =>
    onStage({}, async ({ slack, record }) => {
      slack.tell({ type: 'tokens_revoked', tokens: { bot: ['U0HERALD01'] } });
      await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
    }));

  it('stands, but the bot token is refused: that is told until it works again', () =>
    onStage({}, async ({ slack, record, adapter }) => {
      const say = () => adapter.send(addressOf(slack.ada.dm), makeOutbound('x'), AbortSignal.timeout(5_000));
      slack.refuseAll('token_revoked');
      expect(await say()).toMatchObject({ ok: false, code: 'auth', reached: 'no' });
      slack.refuseAll(undefined);
      slack.hub.drop('warn');
      await expect.poll(() => slack.hub.opened(), PATIENT).toBe(2);
      expect(record.states.at(-1)).toMatchObject({
        state: 'needs-login',
        detail: expect.stringContaining('SLACK_BOT_TOKEN'),
      });
      expect(await say()).toMatchObject({ ok: true });
      expect(record.states.at(-1)?.state).toBe('online');
    }));

  it('because Socket Mode is turned off says so', () =>
    onStage({}, async ({ slack, record }) => {
      slack.hub.sendRaw(JSON.stringify({ type: 'disconnect', reason: 'link_disabled' }));
      await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
      expect(record.states.at(-1)?.detail).toContain('Socket Mode');
    }));

  it('other programs with the same token are told of', () =>
    onStage({}, async ({ slack, record }) => {
      slack.hub.sendRaw(JSON.stringify({ type: 'hello', num_connections: 3 }));
      await record.waitUntil(() => record.logs.some((line) => line.includes('other programs')));
    }));
});

describe('starting', () => {
  it('while Slack is away goes on by itself', () =>
    onStage({}, async (stage) => {
      const { slack } = stage;
      await slack.ada.say(slack.ada.dm, 'before');
      await stage.record.waitFor((message) => message.text === 'before');
      await stage.stop();
      await slack.goAway();
      const started = stage.start();
      await expect.poll(() => stage.record.states.at(-1)?.state, PATIENT).toBe('offline');
      await slack.ada.say(slack.ada.dm, 'nobody there?', { isUntold: true });
      await slack.comeBack();
      await started;
      await stage.record.waitFor((message) => message.text === 'nobody there?', 10_000);
    }));
});
