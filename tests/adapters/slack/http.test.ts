import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { makeHttpHandler, type HttpDeps } from '../../../adapters/slack/receive/http.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { eventBody, messageEvent, slashBody } from '../../support/slack/payloads.ts';
import { sign } from '../../support/slack/request-url.ts';
import { SIGNING_SECRET } from '../../support/slack/workspace.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { addressOf } from './slack-harness.ts';
import { onStage } from './stage.ts';

interface Taken {
  kind: 'event' | 'interaction' | 'slash';
  body: unknown;
}

/** The handler alone, with a clock that stands still. */
function makeRig(take: (taken: Taken) => Promise<void> = async () => {}) {
  const clock = makeFakeClock();
  const record = makeRecordingHost();
  const taken: Taken[] = [];
  const note = (kind: Taken['kind']) => async (body: unknown) => {
    taken.push({ kind, body });
    await take({ kind, body });
  };
  const deps: HttpDeps = {
    api: { call: () => Promise.reject(new Error('not called')) },
    host: record.host,
    receiver: { takeEvent: note('event'), takeInteraction: note('interaction'), takeSlash: note('slash') },
    redactor: makeRedactor(),
    clock,
    signal: record.host.signal,
    signingSecret: SIGNING_SECRET,
  };
  const handler = makeHttpHandler(deps);
  const post = (body: string, headers: Record<string, string> = {}, method = 'POST') =>
    handler(
      new Request('http://gateway/', {
        method,
        headers: { 'content-type': 'application/json', ...sign(body, SIGNING_SECRET, clock.now()), ...headers },
        ...(method === 'POST' && { body }),
      }),
      { local: false, remote: '127.0.0.1' },
    );
  return { clock, record, taken, post };
}

const EVENT = JSON.stringify(
  eventBody(messageEvent({ user: 'U1', ts: '1763700000.000100', text: 'hi' }, { id: 'D1', type: 'im' })),
);

/** The machine may be busy. */
const PATIENT = { timeout: 10_000 };

describe('the signature', () => {
  it('of documented example is accepted', () => {
    // https://docs.slack.dev/authentication/verifying-requests-from-slack, read 2026-11-21.
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const hex = createHmac('sha256', '8f742231b10e8888abcd99yyyzzz85a5').update(`v0:1531420618:${body}`).digest('hex');
    expect(`v0=${hex}`).toBe('v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503');
    expect(sign(body, '8f742231b10e8888abcd99yyyzzz85a5', 1_531_420_618_000)['x-slack-signature']).toBe(`v0=${hex}`);
  });

  it('must be there, of the body as it came, with our secret', async () => {
    const { post, taken } = makeRig();
    const good = await post(EVENT);
    expect(good.status).toBe(200);
    const wrong: Record<string, string>[] = [
      { 'x-slack-signature': '' },
      { 'x-slack-signature': 'v0=' },
      { 'x-slack-signature': `v0=${'0'.repeat(64)}` },
      { 'x-slack-signature': `v1=${'0'.repeat(64)}` },
      { 'x-slack-signature': 'v0=zz' },
      { 'x-slack-request-timestamp': '' },
      { 'x-slack-request-timestamp': 'now' },
      { 'x-slack-request-timestamp': '-1' },
      { 'x-slack-request-timestamp': '1e9' },
      sign(`${EVENT} `, SIGNING_SECRET, Date.UTC(2026, 10, 21, 12)),
      sign(EVENT, 'fedcba9876543210fedcba9876543210', Date.UTC(2026, 10, 21, 12)),
    ];
    for (const headers of wrong) expect((await post(EVENT, headers)).status, JSON.stringify(headers)).toBe(401);
    expect(taken).toHaveLength(1);
  });

  it('holds for five minutes, before and after', async () => {
    const { post, clock } = makeRig();
    const at = (ms: number) => sign(EVENT, SIGNING_SECRET, clock.now() + ms);
    const statuses = [];
    for (const ms of [-299_000, 299_000, -301_000, 301_000, -86_400_000])
      statuses.push((await post(EVENT, at(ms))).status);
    expect(statuses).toEqual([200, 200, 401, 401, 401]);
  });
});

describe('requests', () => {
  it('are told apart by how their body is written', async () => {
    const { post, taken } = makeRig();
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    const press = new URLSearchParams({ payload: '{"type":"block_actions"}' }).toString();
    const slash = new URLSearchParams(
      slashBody({ command: '/herald', text: 'a&b=c', user: 'U1', userName: 'ada', channel: 'D1' }),
    ).toString();
    expect((await post(EVENT)).status).toBe(200);
    expect((await post(press, form)).status).toBe(200);
    expect((await post(slash, form)).status).toBe(200);
    expect(taken.map(({ kind }) => kind)).toEqual(['event', 'interaction', 'slash']);
    expect(taken[1]?.body).toEqual({ type: 'block_actions' });
    expect(taken[2]?.body).toMatchObject({ command: '/herald', text: 'a&b=c' });
  });

  it('that verify the address get their challenge back', async () => {
    const { post, taken } = makeRig();
    const answer = await post(JSON.stringify({ type: 'url_verification', challenge: '3eZbrw1a<b>', token: 'x' }));
    expect([answer.status, await answer.text()]).toEqual([200, '3eZbrw1a<b>']);
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(taken).toEqual([]);
  });

  it('that cannot be read are refused, and large ones are not read', async () => {
    const { post, taken } = makeRig();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await post('{"broken"')).status).toBe(400);
    expect((await post('payload=%7Bbroken', form)).status).toBe(400);
    expect((await post('<xml/>', { 'content-type': 'text/xml' })).status).toBe(400);
    expect((await post('x'.repeat(1_100_000))).status).toBe(413);
    expect((await post('', {}, 'GET')).status).toBe(405);
    expect(taken).toEqual([]);
  });

  it('are acknowledged when they are stored, and not when they were not', async () => {
    const stored = Promise.withResolvers<void>();
    const { post } = makeRig(() => stored.promise);
    let status = 0;
    const answer = post(EVENT).then((response) => (status = response.status));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(status).toBe(0);
    stored.resolve();
    expect(await answer).toBe(200);
    expect((await makeRig(() => Promise.reject(new Error('the disk is full'))).post(EVENT)).status).toBe(500);
  });

  it('that take longer than Slack waits are asked for again', async () => {
    const { post, clock, record } = makeRig(() => new Promise(() => {}));
    const answer = post(EVENT, { 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_timeout' });
    await expect.poll(() => clock.pending(), PATIENT).toBe(1);
    await clock.advance(2_500);
    expect((await answer).status).toBe(503);
    expect(record.logs.join()).toContain('"retry":1');
  });

  it('after the stop are left to Slack', async () => {
    const { post, record, taken } = makeRig();
    await record.close();
    expect((await post(EVENT)).status).toBe(503);
    expect(taken).toEqual([]);
  });
});

describe('in the workspace', () => {
  it('what could not be stored comes again, before what follows, and is one message', () =>
    onStage({ mode: 'http' }, async ({ slack, record, texts }) => {
      record.failNext(3);
      record.loseNextAck(1);
      await slack.ada.say(slack.ada.dm, 'first');
      await slack.ada.say(slack.ada.dm, 'second');
      await record.waitUntil(() => record.received.length === 2, 10_000);
      expect(texts()).toEqual(['first', 'second']);
      await slack.requestUrl?.settle();
      expect(slack.requestUrl?.deliveries.at(-1)?.status).toBe(200);
    }));

  it('an event that Slack sends again is no second message', () =>
    onStage({ mode: 'http' }, async ({ slack, record, texts }) => {
      const event = messageEvent(
        { user: slack.ada.id, ts: '1763700000.000100', text: 'once' },
        { id: slack.ada.dm, type: 'im' },
      );
      const body = JSON.stringify(eventBody(event));
      for (let i = 0; i < 3; i++) await slack.requestUrl?.postRaw(body, { 'x-slack-retry-num': String(i) });
      expect(texts()).toEqual(['once']);
      expect(record.answers.map((answer) => answer.outcome)).toEqual(['new', 'duplicate', 'duplicate']);
    }));

  it('is offline while Slack is away, asks for a login when the token is refused, and looks for what it missed', () =>
    onStage({ mode: 'http' }, async ({ slack, record, adapter, texts }) => {
      await slack.ada.say(slack.ada.dm, 'before');
      await record.waitFor((message) => message.text === 'before');
      slack.fail({ method: 'auth.test', status: 503, times: 2 });
      slack.fail({ method: 'chat.postMessage', status: 503 });
      await adapter.send(addressOf(slack.ada.dm), makeOutbound('x'), AbortSignal.timeout(5_000));
      await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
      await slack.ada.say(slack.ada.dm, 'meanwhile', { isUntold: true });
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      await record.waitFor((message) => message.text === 'meanwhile');
      expect(texts()).toEqual(['before', 'meanwhile']);
    }));
});
