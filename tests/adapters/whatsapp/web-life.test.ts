import { describe, expect, it } from 'vitest';
import type { LoginStep } from '../../../adapters/login.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import type { RecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { addressOf } from './web-harness.ts';
import { openWeb, until } from './web-rig.ts';

const MINUTE = 60_000;

function shownOf(record: RecordingHost, kind: LoginStep['kind']) {
  return record.logins.filter((step) => step?.kind === kind);
}

async function firstStep(record: RecordingHost, kind: 'qr' | 'code'): Promise<string> {
  await record.waitUntil(() => shownOf(record, kind).length > 0, 10_000);
  const step = shownOf(record, kind)[0];
  if (step?.kind === 'qr') return step.data;
  if (step?.kind === 'code') return step.code;
  throw new Error('no step');
}

describe('linking', () => {
  it('shows a QR code, is linked when the phone scans it, and talks', async () => {
    const { whatsapp, ada, begin } = await openWeb();
    const { adapter, record } = await begin({ kept: { cursors: new Map() } });
    const qr = await firstStep(record, 'qr');
    expect(qr).toContain('REF-1');
    expect(record.states.at(-1)).toMatchObject({ state: 'needs-login' });
    expect(JSON.stringify(record.states)).not.toContain('REF-1');
    whatsapp.scan(qr);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online', 10_000);
    expect(record.logins.at(-1), 'the code is withdrawn').toBeUndefined();
    expect(record.states.map(({ state }) => state)).not.toContain('offline');
    await whatsapp.say(ada, { conversation: 'welcome' });
    await record.waitFor(({ text }) => text === 'welcome');
    await adapter.send(addressOf(ada.phone), makeOutbound('thank you'), AbortSignal.timeout(5_000));
    expect(whatsapp.seen.of(ada.phone).map(({ raw }) => raw)).toEqual(['thank you']);
  });

  it('shows a code to type in when a number is set', async () => {
    const { whatsapp, begin } = await openWeb();
    const { record } = await begin({ kept: { cursors: new Map() }, settings: { phone_number: '+1 555 000-1111' } });
    const code = await firstStep(record, 'code');
    expect(code).toMatch(/^[1-9A-Z]{4}-[1-9A-Z]{4}$/);
    expect(shownOf(record, 'qr')).toEqual([]);
    await whatsapp.typeCode(code);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online', 10_000);
    expect(whatsapp.isLinked).toBe(true);
  });

  it('a pairing that was not finished leaves nothing behind that would be refused', async () => {
    const { whatsapp, begin } = await openWeb();
    const cursors = new Map<string, string>();
    const first = await begin({ kept: { cursors }, settings: { phone_number: '15550001111' } });
    await firstStep(first.record, 'code');
    await first.adapter.stop();
    expect(cursors.size).toBeGreaterThan(0);
    const second = await begin({ kept: { cursors } });
    whatsapp.scan(await firstStep(second.record, 'qr'));
    await second.record.waitUntil(() => second.record.states.at(-1)?.state === 'online', 10_000);
  });
});

describe('ends of a connection', () => {
  it('removed by the phone: never with this login again, keys are gone, a new code is shown', async () => {
    const { whatsapp, cursors, start } = await openWeb();
    const { record } = await start();
    const before = cursors.get('auth:creds');
    whatsapp.logOut();
    const qr = await firstStep(record, 'qr');
    expect(record.states.find(({ state }) => state === 'needs-login')?.detail).toContain('logged this device out');
    expect([...cursors.keys()].filter((key) => key.startsWith('auth:key:'))).toEqual([]);
    expect(cursors.get('auth:creds')).not.toBe(before);
    whatsapp.scan(qr);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online', 10_000);
  });

  it('restart required: at once and without being called offline', async () => {
    const { whatsapp, start } = await openWeb();
    const { record } = await start();
    whatsapp.endStream(515);
    await until('a second login', () => whatsapp.logins === 2);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    expect(record.states.map(({ state }) => state)).not.toContain('offline');
  });

  it('replaced by another program: explained, and not tried again for minutes', async () => {
    const clock = makeFakeClock(Date.now());
    const { whatsapp, start } = await openWeb();
    const { record } = await start({ web: { clock, random: () => 0 } });
    whatsapp.endStream(440);
    await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
    expect(record.states.at(-1)?.detail).toContain('Another program');
    await clock.advance(9 * MINUTE);
    expect(whatsapp.logins).toBe(1);
    await clock.advance(2 * MINUTE);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
  });

  it.each([
    [403, 'needs-login', 'restricted', 31 * MINUTE],
    [503, 'offline', 'cannot be reached', MINUTE],
  ] as const)('refused with %i: %s, and tried again', async (code, state, said, waitMs) => {
    const clock = makeFakeClock(Date.now());
    const { whatsapp, begin, cursors } = await openWeb();
    const before = cursors.get('auth:creds');
    whatsapp.refuseLogin = code;
    const { record } = await begin({ web: { clock, random: () => 0 } });
    await record.waitUntil(() => record.states.at(-1)?.state === state);
    expect(record.states.at(-1)?.detail).toContain(said);
    expect(cursors.get('auth:creds')).toBe(before);
    whatsapp.refuseLogin = undefined;
    await clock.advance(waitMs);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
  });

  it('too old: asks for the present version and takes it', async () => {
    const clock = makeFakeClock(Date.now());
    const { whatsapp, begin } = await openWeb();
    whatsapp.refuseLogin = 405;
    whatsapp.media.pages.set('https://web.whatsapp.com/sw.js', 'x={\\"client_revision\\":1099999999,\\"y\\":1}');
    const { record } = await begin({ web: { clock, random: () => 0 } });
    await record.waitUntil(() => record.states.at(-1)?.state === 'offline');
    expect(record.states.at(-1)?.detail).toContain('too old');
    await until('the question', () => whatsapp.media.requests.some(({ path }) => path === '/sw.js'));
    whatsapp.refuseLogin = undefined;
    await clock.advance(MINUTE);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    expect(whatsapp.versions).toEqual(['2.3000.1043857760', '2.3000.1099999999']);
  });

  it('a connection that falls silent is noticed, though it stands', async () => {
    const clock = makeFakeClock(Date.now());
    const { whatsapp, start } = await openWeb();
    const { record } = await start({ web: { clock, random: () => 0 } });
    whatsapp.isMute = true;
    await clock.advance(60_000);
    expect(record.states.at(-1)?.state).toBe('online');
    const advancing = clock.advance(45_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'connecting');
    whatsapp.isMute = false;
    await advancing;
    await clock.advance(10_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    expect(whatsapp.logins).toBe(2);
  });
});

describe('the package', () => {
  it('tells how to install it when it is missing', async () => {
    const { begin } = await openWeb();
    const load = () =>
      Promise.reject(Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' }));
    await expect(begin({ web: { load } })).rejects.toMatchObject({
      name: 'AppError',
      publicMessage: expect.stringContaining('npm install baileys@7.0.0-rc14'),
    });
  });
});
