import { describe, expect, it } from 'vitest';
import { decideAfterClose, type CloseFacts } from '../../../adapters/whatsapp/web/close-reasons.ts';

const MINUTE = 60_000;
const decide = (code: number, facts: Partial<CloseFacts> = {}) =>
  decideAfterClose({ code, isLinked: true, wasOpen: true, failures: 0, pairingRounds: 0, ...facts }, () => 0);

describe('decideAfterClose', () => {
  it('logged out: the login is forgotten and a new one asked for', () => {
    for (const code of [401, 419])
      expect(decide(code)).toMatchObject({ forgetLogin: true, state: 'needs-login', waitMs: 500 });
    expect(decide(401).detail).toContain('Link it again');
  });

  it('restart required: at once, without a word', () => {
    expect(decide(515)).toEqual({ waitMs: 0, forgetLogin: false, refreshVersion: false });
  });

  it('replaced by another program: it does not fight', () => {
    const next = decide(440);
    expect(next).toMatchObject({ forgetLogin: false, state: 'offline', waitMs: 10 * MINUTE });
    expect(next.detail).toContain('Another program');
  });

  it.each([403, 411])('refused (%i): slowly, with an explanation, and the login is kept', (code) => {
    const next = decide(code);
    expect(next).toMatchObject({ forgetLogin: false, state: 'needs-login', waitMs: 30 * MINUTE });
    expect(next.detail).toContain('phone');
  });

  it('too old: looks for the present version, more and more rarely', () => {
    expect(decide(405)).toMatchObject({ refreshVersion: true, state: 'offline', waitMs: 10_000 });
    expect(decide(405, { failures: 30 }).waitMs).toBe(60 * MINUTE);
  });

  it.each([408, 428, 500, 503, 429, 999])('%i: again and again, slower and slower, for ever', (code) => {
    expect(decide(code)).toMatchObject({ state: 'connecting', waitMs: 500, forgetLogin: false });
    const waits = [1, 2, 3, 8, 1_000].map((failures) => decide(code, { wasOpen: false, failures }).waitMs);
    expect(waits).toEqual([500, 1_000, 2_000, 60_000, 60_000]);
    expect(decide(code, { wasOpen: false, failures: 1 }).state).toBe('offline');
  });

  it('codes that nobody uses come more and more rarely, and stay the state', () => {
    const rounds = [1, 5, 6, 7, 100].map((pairingRounds) =>
      decide(408, { isLinked: false, wasOpen: false, pairingRounds }),
    );
    expect(rounds.map(({ waitMs }) => waitMs)).toEqual([500, 500, 30_000, 60_000, 15 * MINUTE]);
    expect(rounds.every(({ state }) => state === undefined)).toBe(true);
  });
});
