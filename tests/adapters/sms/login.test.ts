import { describe, expect, it } from 'vitest';
import type { LoginIo } from '../../../adapters/login.ts';
import { loginToSms } from '../../../adapters/sms/login.ts';
import { smsManifest } from '../../../adapters/sms/manifest.ts';
import { DEFAULT_API_ROOT, smsSettings } from '../../../adapters/sms/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { ACCOUNT, AUTH_TOKEN, OWN_NUMBER, startTwilio, type Twilio } from '../../support/sms/twilio.ts';

const base = { account_sid: ACCOUNT, auth_token: AUTH_TOKEN };

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = smsSettings.parse({ ...base, from: 15550001111, public_url: 'https://a.example/sms/default' });
    expect(settings).toEqual({
      ...base,
      from: OWN_NUMBER,
      public_url: 'https://a.example/sms/default/',
      api_root: DEFAULT_API_ROOT,
    });
    expect(smsSettings.parse(settings)).toEqual(settings);
  });

  it.each([
    [{}],
    [base],
    [{ ...base, from: OWN_NUMBER, messaging_service_sid: `MG${'1'.repeat(32)}` }],
    [{ ...base, from: 'Herald' }],
    [{ ...base, from: OWN_NUMBER, frm: 1 }],
    [{ ...base, from: OWN_NUMBER, account_sid: 'AC1' }],
    [{ ...base, from: OWN_NUMBER, public_url: 'https://a.example/?x=1' }],
    [{ ...base, messaging_service_sid: 'MG1' }],
  ])('refuse %j', (settings) => {
    expect(smsSettings.safeParse(settings).success).toBe(false);
  });
});

async function withTwilio(run: (twilio: Twilio) => Promise<void>) {
  const twilio = await startTwilio();
  try {
    await run(twilio);
  } finally {
    await twilio.close();
  }
}

describe('verify', () => {
  it('asks for the account, the number and the webhook', async () => {
    await withTwilio(async (twilio) => {
      const check = (more: Record<string, unknown> = {}) =>
        smsManifest.verify?.(
          {
            platform: 'sms',
            account: accountId('default'),
            settings: { ...base, from: OWN_NUMBER, api_root: twilio.url, ...more },
            fetch,
          },
          AbortSignal.timeout(5_000),
        );
      expect(await check()).toEqual({ ok: true, name: OWN_NUMBER });
      const service = `MG${'1'.repeat(32)}`;
      expect(await check({ from: undefined, messaging_service_sid: service })).toEqual({ ok: true, name: service });
      expect(await check({ from: '+15559999999' })).toMatchObject({ ok: false, reason: 'settings' });
      const public_url = 'https://herald.example/sms/default/';
      expect(await check({ public_url })).toMatchObject({ ok: false, reason: 'settings' });
      await twilio.setWebhook('https://herald.example/sms/default');
      expect(await check({ public_url })).toMatchObject({ ok: true });
      const wrong = await check({ auth_token: 'not_the_auth_token_0123456789' });
      expect(wrong).toMatchObject({ ok: false, reason: 'auth' });
      expect(JSON.stringify(wrong)).not.toContain('not_the_auth_token');
      await twilio.goAway();
      expect(await check()).toMatchObject({ ok: false, reason: 'unreachable' });
    });
  });
});

describe('login', () => {
  it('asks for the account until it is right, takes a number, and lets Twilio call us', async () => {
    await withTwilio(async (twilio) => {
      const url = 'https://herald.example/sms/default/';
      const talk = script(twilio, {
        account_sid: [ACCOUNT, ACCOUNT],
        auth_token: ['not_the_auth_token_0123456789', AUTH_TOKEN],
        from: ['', OWN_NUMBER],
        public_url: [url],
        connect: ['yes'],
      });
      expect(await loginToSms(talk.io)).toEqual({
        name: OWN_NUMBER,
        settings: { account_sid: ACCOUNT, from: OWN_NUMBER, public_url: url },
        secrets: { auth_token: AUTH_TOKEN },
      });
      expect(await twilio.webhook()).toBe(url);
      expect(talk.said.join('\n')).toContain('does not know this login');
    });
  });

  it('works without a public address, and leaves a webhook alone unless it is told to', async () => {
    await withTwilio(async (twilio) => {
      const answers = { account_sid: [ACCOUNT], auth_token: [AUTH_TOKEN], from: [OWN_NUMBER] };
      const without = await loginToSms(script(twilio, { ...answers, public_url: [''] }).io);
      expect(without.settings).toEqual({ account_sid: ACCOUNT, from: OWN_NUMBER });
      const again = { account_sid: [ACCOUNT], auth_token: [AUTH_TOKEN], from: [OWN_NUMBER] };
      await loginToSms(script(twilio, { ...again, public_url: ['https://a.example/'], connect: ['no'] }).io);
      expect(await twilio.webhook()).toBeNull();
    });
  });
});

/** A person who gives these answers, in turn; what goes to Twilio's own address reaches the loopback server. */
function script(twilio: Twilio, answers: Record<string, string[]>) {
  const said: string[] = [];
  const next = (key: string): string => {
    const answer = answers[key]?.shift();
    if (answer === undefined) throw new Error(`no answer to ${key}`);
    return answer;
  };
  const io: LoginIo = {
    async ask({ key, check }) {
      const answer = next(key);
      const wrong = check?.(answer);
      if (wrong !== undefined) throw new Error(wrong);
      return answer;
    },
    async choose({ key, options }) {
      const answer = next(key);
      if (!options.some((option) => option.value === answer)) throw new Error(`${answer} is not offered`);
      return answer;
    },
    show: () => {},
    say: (text) => void said.push(text),
    fetch(input, init) {
      const url = typeof input === 'string' ? input : input instanceof URL ? input.href : input.url;
      return fetch(url.replace(DEFAULT_API_ROOT, twilio.url), init);
    },
    signal: AbortSignal.timeout(15_000),
  };
  return { io, said };
}
