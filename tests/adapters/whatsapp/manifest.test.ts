import { describe, expect, it, onTestFinished } from 'vitest';
import type { LoginIo, LoginStep } from '../../../adapters/login.ts';
import { whatsappManifest } from '../../../adapters/whatsapp/manifest.ts';
import { DEFAULT_API_ROOT, whatsappSettings } from '../../../adapters/whatsapp/settings.ts';
import { AppError } from '../../../shared/errors.ts';
import { accountId } from '../../../shared/ids.ts';
import { FakeCloudApi } from '../../support/whatsapp/cloud-api.ts';
import { ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN } from '../../support/whatsapp/cloud-world.ts';

const CLOUD = {
  transport: 'cloud',
  access_token: ACCESS_TOKEN,
  app_secret: APP_SECRET,
  verify_token: VERIFY_TOKEN,
  phone_number_id: PHONE_NUMBER_ID,
};

async function openApi(): Promise<FakeCloudApi> {
  const api = await FakeCloudApi.start();
  onTestFinished(() => api.close());
  return api;
}

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = whatsappSettings.parse({});
    expect(settings).toEqual({
      transport: 'device',
      device_name: 'Herald',
      self_chat_only: false,
      streaming: 'off',
      read_receipts: false,
      api_root: DEFAULT_API_ROOT,
    });
    expect(whatsappSettings.parse(settings)).toEqual(settings);
    const cloud = whatsappSettings.parse({ ...CLOUD, phone_number: '+1 (555) 000-2222' });
    expect(cloud.phone_number).toBe('15550002222');
    expect(whatsappSettings.parse(cloud)).toEqual(cloud);
  });

  it.each([
    [{ transport: 'telepathy' }],
    [{ transprt: 'cloud' }],
    [{ phone_number: '0123' }],
    [{ phone_number: 'call me' }],
    [{ device_name: '' }],
    [{ device_name: 'a\nb' }],
    [{ server_url: 'http://x/' }],
    [{ ...CLOUD, phone_number_id: '+1 555' }],
    [{ ...CLOUD, verify_token: 'a b' }],
    [{ ...CLOUD, api_root: 'ftp://x' }],
  ])('refuse %j', (settings) => {
    expect(whatsappSettings.safeParse(settings).success).toBe(false);
  });

  it.each(['access_token', 'app_secret', 'verify_token', 'phone_number_id'] as const)(
    'the Cloud API needs %s, and says where it comes from; a linked device does not',
    (key) => {
      const { [key]: _, ...rest } = { ...CLOUD };
      const parsed = whatsappSettings.safeParse(rest);
      expect(parsed.error?.issues.map(({ path }) => path)).toEqual([[key]]);
      expect(parsed.error?.issues[0]?.message).toMatch(/WHATSAPP_|API setup page/);
      expect(whatsappSettings.safeParse({ ...rest, transport: 'device' }).success).toBe(true);
    },
  );
});

describe('verify', () => {
  const check = (settings: Record<string, unknown>, call: typeof fetch = fetch) =>
    whatsappManifest.verify?.(
      { platform: 'whatsapp', account: accountId('default'), settings, fetch: call },
      AbortSignal.timeout(5_000),
    );

  it('of the Cloud API says who we are, or what is wrong, and never a secret', async () => {
    const api = await openApi();
    const good = await check(api.settings);
    expect(good).toMatchObject({ ok: true, name: 'Herald Test, +1 555-078-3881' });
    if (good?.ok) expect(Math.abs((good.serverTime ?? 0) - Date.now())).toBeLessThan(60_000);
    const wrong = [
      await check({ ...api.settings, access_token: 'EAAJwrongTokenOfNobody01234567890' }),
      await check({ ...api.settings, app_secret: 'not-the-secret-of-the-app' }),
      await check({ ...api.settings, phone_number_id: '999999999999' }),
    ];
    expect(wrong).toMatchObject([
      { ok: false, reason: 'auth', message: expect.stringContaining('access token') },
      { ok: false, reason: 'auth', message: expect.stringContaining('app secret') },
      { ok: false, reason: 'settings', message: expect.stringContaining('phone_number_id') },
    ]);
    await api.goAway();
    const away = await check(api.settings);
    expect(away).toMatchObject({ ok: false, reason: 'unreachable' });
    const told = JSON.stringify([good, wrong, away]);
    for (const secret of [ACCESS_TOKEN, APP_SECRET, 'EAAJwrong', 'not-the-secret']) expect(told).not.toContain(secret);
  });

  it('of a linked device looks whether WhatsApp answers', async () => {
    const asked: string[] = [];
    const answer: typeof fetch = (url) => {
      asked.push(url instanceof Request ? url.url : String(url));
      return Promise.resolve(new Response(null, { status: 302 }));
    };
    expect(await check({}, answer)).toMatchObject({ ok: true, name: 'a linked device' });
    expect(asked).toEqual(['https://web.whatsapp.com/']);
    const nobody: typeof fetch = () => Promise.reject(new TypeError('fetch failed'));
    expect(await check({}, nobody)).toMatchObject({ ok: false, reason: 'unreachable' });
  });

  it('names settings that are wrong', async () => {
    expect(await check({ transport: 'cloud' })).toMatchObject({ ok: false, reason: 'settings' });
  });
});

describe('login', () => {
  /** Gives the answers in order; the same question again gets the next one. */
  async function walk(answers: Record<string, string[]>, call: typeof fetch = fetch) {
    const shown: LoginStep[] = [];
    const said: string[] = [];
    const next = (key: string) => {
      const answer = answers[key]?.shift();
      if (answer === undefined) throw new AppError('cancelled', `nothing to answer to ${key}`);
      return answer;
    };
    const io: LoginIo = {
      async ask({ key, check, optional }) {
        for (;;) {
          const answer = next(key);
          const problem = answer === '' && optional ? undefined : check?.(answer);
          if (problem === undefined) return answer;
          said.push(problem);
        }
      },
      choose: async ({ key }) => next(key),
      show: (step) => shown.push(step),
      say: (line) => said.push(line),
      fetch: call,
      signal: AbortSignal.timeout(5_000),
    };
    const login = await whatsappManifest.login?.();
    const result = await login?.(io);
    return { result, shown, said };
  }

  it('as a linked device asks little, and says that the code comes with the gateway', async () => {
    const { result, said } = await walk({ transport: ['device'], self_chat_only: ['own'], phone_number: [''] });
    expect(result).toMatchObject({ settings: { transport: 'device' }, secrets: {} });
    expect(result?.settings).not.toHaveProperty('self_chat_only');
    expect(said.join()).toContain('QR code');
    expect(whatsappSettings.safeParse(result?.settings).success).toBe(true);
  });

  it('with one’s own number listens to the chat with oneself only, and takes a number for a typed code', async () => {
    const { result, said } = await walk({
      transport: ['device'],
      self_chat_only: ['mine'],
      phone_number: ['nonsense', '+1 (555) 000-2222'],
    });
    expect(result?.settings).toEqual({ transport: 'device', self_chat_only: true, phone_number: '15550002222' });
    expect(said[0]).toContain('cannot be');
    expect(said.at(-1)).toContain('type in');
  });

  it('with the Cloud API checks the values by a real call, again until they are right', async () => {
    const api = await openApi();
    const call: typeof fetch = (url, init) =>
      fetch(String(url instanceof Request ? url.url : url).replace(DEFAULT_API_ROOT, api.root), init);
    const { result, shown, said } = await walk(
      {
        transport: ['cloud'],
        access_token: ['short', 'EAAJwrongTokenOfNobody01234567890', ACCESS_TOKEN],
        phone_number_id: ['+1 555', PHONE_NUMBER_ID, PHONE_NUMBER_ID],
        app_secret: [APP_SECRET, APP_SECRET],
      },
      call,
    );
    expect(result).toMatchObject({
      name: 'Herald Test, +1 555-078-3881',
      settings: { transport: 'cloud', phone_number_id: PHONE_NUMBER_ID },
      secrets: { access_token: ACCESS_TOKEN, app_secret: APP_SECRET },
    });
    expect(said.join('\n')).toContain('refuses the access token');
    const webhook = shown.at(-1);
    expect(webhook).toMatchObject({ kind: 'text', text: expect.stringContaining('/whatsapp/default/') });
    const parsed = whatsappSettings.safeParse({ ...result?.settings, ...result?.secrets });
    expect(parsed.success).toBe(true);
    expect(JSON.stringify(said)).not.toContain(ACCESS_TOKEN);
  });

  it('ends when the person breaks off', async () => {
    await expect(walk({ transport: ['cloud'] })).rejects.toMatchObject({ code: 'cancelled' });
  });
});
