import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboundMessage } from '../../../adapters/contract.ts';
import { ApiError, explainFailure } from '../../../adapters/sms/errors.ts';
import { countSegments, tidyText } from '../../../adapters/sms/gsm.ts';
import type { StoredFile } from '../../../shared/messages.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { OWN_NUMBER } from '../../support/sms/twilio.ts';
import { ADA, makeAdapter, startSms, type Started } from './sms-harness.ts';

describe('the alphabet of SMS', () => {
  it.each([
    ['hello', 1],
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['€'.repeat(80), 1],
    ['€'.repeat(81), 2],
    ['日'.repeat(70), 1],
    ['日'.repeat(71), 2],
    ['ñÑäß¿', 1],
  ])('%j', (text, segments) => {
    expect(countSegments(text)).toBe(segments);
  });

  it('plain quotes and dashes keep a text in it, but are put nowhere else', () => {
    expect(tidyText('“It’s” – fine…')).toBe('"It\'s" - fine...');
    expect(tidyText('“It’s” 日')).toBe('“It’s” 日');
  });
});

describe('sending', () => {
  let clock: FakeClock;
  let rig: Started;
  beforeEach(async () => {
    // Near to the emulator's own time, which lists are read by.
    clock = makeFakeClock(Date.now());
    rig = await startSms({ clock });
  });
  afterEach(() => rig.close());

  const send = (message: OutboundMessage | string) =>
    rig.adapter.send(
      rig.dm,
      typeof message === 'string' ? makeOutbound(message) : message,
      AbortSignal.timeout(10_000),
    );
  const find = (key: string) => rig.adapter.find?.(rig.dm, key);
  const sent = async () => (await rig.twilio.sentTo(ADA)).map(({ body }) => body);

  it('is plain text, from our number, with an address for reports', async () => {
    await send('# Title\n\n**bold** [link](https://a.example/) “quoted”');
    const [request] = rig.twilio.requests.filter(({ route }) => route === 'POST /Messages.json');
    expect(Object.fromEntries(request?.form ?? [])).toEqual({
      To: ADA,
      From: OWN_NUMBER,
      StatusCallback: `${rig.gateway?.url ?? ''}status`,
      Body: 'Title\n\nbold link (https://a.example/) "quoted"',
    });
  });

  it('names files that it cannot send, in the room that is kept for that', async () => {
    const file: StoredFile = { kind: 'document', path: '/x', name: 'r'.repeat(300), mime: 'application/pdf', bytes: 1 };
    await send({ ...makeOutbound('see this'), files: [{ ...file, name: 'report.pdf' }] });
    await send({ ...makeOutbound(''), files: [file, file, file] });
    const full = await send({ ...makeOutbound('a'.repeat(1_500)), files: [file, file] });
    expect(full).toMatchObject({ ok: true });
    const [one, three, long] = await sent();
    expect(one).toBe('see this\n(not sent by SMS: report.pdf)');
    expect(three).toMatch(/^\(not sent by SMS: r+\.\.\. and 2 more\)$/);
    expect(long?.length).toBeLessThanOrEqual(1_600);
    expect(await send('… '.repeat(750))).toMatchObject({ ok: true });
    expect(await send('a'.repeat(1_601))).toMatchObject({ ok: false, code: 'too_long', reached: 'no' });
    expect(await send('')).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
  });

  it('reads back what got no answer: it is there', async () => {
    rig.twilio.fail({ route: 'POST /Messages.json', drop: 'after' });
    const message = makeOutbound('did it go out?');
    expect(await send(message)).toMatchObject({ ok: false, reached: 'maybe' });
    expect(await find(message.key)).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
    await clock.advance(31_000);
    const [there] = await rig.twilio.sentTo(ADA);
    expect(await find(message.key)).toEqual({ ok: true, ids: [there?.sid] });
    expect(await sent()).toEqual(['did it go out?']);
  });

  it('reads back what got no answer: it is not there', async () => {
    const earlier = await send('the same words');
    expect(earlier).toMatchObject({ ok: true });
    rig.twilio.fail({ route: 'POST /Messages.json', drop: 'before' });
    const message = makeOutbound('the same words');
    expect(await send(message)).toMatchObject({ ok: false, reached: 'maybe' });
    await clock.advance(31_000);
    // The one that is there is another send's.
    expect(await find(message.key)).toBeUndefined();
  });

  it('two sends of the same words are two messages', async () => {
    rig.twilio.fail({ route: 'POST /Messages.json', drop: 'after', times: 2 });
    const messages = [makeOutbound('twice'), makeOutbound('twice')];
    for (const message of messages) await send(message);
    await clock.advance(31_000);
    const found = [];
    for (const { key } of messages) found.push(await find(key));
    const ids = found.flatMap((result) => (result?.ok ? result.ids : []));
    expect(new Set(ids).size).toBe(2);
  });

  it('after kill -9 in the middle of a send another process finds it', async () => {
    rig.twilio.fail({ route: 'POST /Messages.json', drop: 'after' });
    const message = makeOutbound('from the process before');
    await send(message);
    await clock.advance(31_000);
    await rig.restart(async () => {});
    expect(await find(message.key)).toMatchObject({ ok: true });
    expect(await find('never tried')).toBeUndefined();
  });

  it('what cannot be asked may have gone out', async () => {
    rig.twilio.fail({ route: 'POST /Messages.json', drop: 'after' });
    const message = makeOutbound('unknown');
    await send(message);
    await clock.advance(31_000);
    rig.twilio.fail({ route: 'GET /Messages.json', status: 503, times: 5 });
    expect(await find(message.key)).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
  });

  it('what was refused, or could not be noted, is not looked for', async () => {
    rig.twilio.optOut(ADA, true);
    const refused = makeOutbound('refused');
    expect(await send(refused)).toMatchObject({ ok: false, code: 'forbidden', reached: 'no' });
    expect(await find(refused.key)).toBeUndefined();
    rig.twilio.optOut(ADA, false);
    const { cursor } = rig.record.host;
    const set = cursor.set;
    cursor.set = () => Promise.reject(new Error('the disk is full'));
    expect(await send('unnoted')).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
    cursor.set = set;
    expect(await sent()).toEqual([]);
  });

  it('forgets notes that nobody will ask about', async () => {
    await send('old');
    const isNote = (key: string) => key.startsWith('sent:');
    expect([...rig.record.cursors.keys()].filter(isNote)).toHaveLength(1);
    await rig.adapter.stop();
    await clock.advance(4 * 24 * 3_600_000);
    const next = makeAdapter(rig.twilio, rig.gateway, {}, clock);
    await next.start(rig.record.host);
    expect([...rig.record.cursors.keys()].filter(isNote)).toHaveLength(0);
    await next.stop();
  });
});

describe('errors of Twilio', () => {
  it.each([
    [400, 21_610, 'forbidden no'],
    [400, 21_211, 'not_found no'],
    [400, 21_614, 'not_found no'],
    [400, 21_617, 'too_long no'],
    [400, 21_408, 'forbidden no'],
    [400, 21_606, 'auth no'],
    [400, 30_007, 'forbidden no'],
    [401, 20_003, 'auth no'],
    [403, undefined, 'auth no'],
    [404, 20_404, 'not_found no'],
    [400, 99_999, 'bad_request no'],
    [429, 20_429, 'rate_limited no'],
    [429, undefined, 'rate_limited no'],
    [500, 20_500, 'unreachable maybe'],
    [503, undefined, 'unreachable maybe'],
  ])('%i %s', (status, code, verdict) => {
    const failure = explainFailure(new ApiError(status, 'words', { code }), makeRedactor());
    expect(`${failure.code} ${failure.reached}`).toBe(verdict);
  });

  it('a limit says how long to wait', () => {
    const wait = (code: number, retryAfterMs?: number) =>
      explainFailure(new ApiError(429, '', { code, retryAfterMs }), makeRedactor()).retryAfterMs;
    expect([wait(20_429, 7_000), wait(20_429), wait(63_038)]).toEqual([7_000, 30_000, 3_600_000]);
  });
});
