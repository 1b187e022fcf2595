import { describe, expect, it } from 'vitest';
import { runLogin } from '../../../adapters/signal/login.ts';
import { signalManifest } from '../../../adapters/signal/manifest.ts';
import { signalSettings } from '../../../adapters/signal/settings.ts';
import type { LoginIo, LoginStep } from '../../../adapters/login.ts';
import { accountId } from '../../../shared/ids.ts';
import { makeFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { startSignalServer } from '../../support/signal/server.ts';
import type { SignalServer } from '../../support/signal/types.ts';
import { API_AUTHORIZATION, API_TOKEN, startSignal } from './signal-harness.ts';

describe('settings', () => {
  it('have defaults, and take their own output', () => {
    const settings = signalSettings.parse({ number: ' +4930239999 ', url: 'http://signal:8080/' });
    expect(settings).toEqual({
      number: '+4930239999',
      url: 'http://signal:8080',
      receive: 'auto',
      poll_seconds: 3,
      note_to_self_only: false,
    });
    expect(signalSettings.parse(settings)).toEqual(settings);
    expect(signalManifest.accountOf?.(settings)).toBe('+4930239999');
  });

  it('take a number that YAML has read as one', () => {
    expect(signalSettings.parse({ number: 4930239999 }).number).toBe('+4930239999');
  });

  it.each([
    [{}],
    [{ number: '030 239999' }],
    [{ number: '+49302', numbr: 1 }],
    [{ number: '+4930239999', url: 'ftp://x' }],
    [{ number: '+4930239999', url: 'http://name:secret@host' }],
    [{ number: '+4930239999', receive: 'sometimes' }],
    [{ number: '+4930239999', trust: 'maybe' }],
  ])('refuse %j', (settings) => {
    expect(signalSettings.safeParse(settings).success).toBe(false);
  });
});

describe('verify', () => {
  const check = (settings: Record<string, unknown>) =>
    signalManifest.verify?.(
      { platform: 'signal', account: accountId('1'), settings, fetch },
      AbortSignal.timeout(5_000),
    );

  it('says whether the server has the account, and never the login', async () => {
    const server = await startSignalServer({ authorization: API_AUTHORIZATION });
    const { url, number } = server;
    try {
      expect(await check({ url, number, api_token: API_TOKEN })).toEqual({ ok: true, name: number });
      const answers = [
        await check({ url, number: '+4930111111', api_token: API_TOKEN }),
        await check({ url, number, api_token: 'herald:another-secret' }),
        await check({ url, number }),
      ];
      expect(answers).toMatchObject(answers.map(() => ({ ok: false, reason: 'auth' })));
      expect(answers[0]).toMatchObject({ message: expect.stringContaining(number) as string });
      await server.goAway();
      expect(await check({ url, number })).toMatchObject({ ok: false, reason: 'unreachable' });
      expect(JSON.stringify(answers)).not.toContain('another-secret');
    } finally {
      await server.close();
    }
  });

  it('knows another kind of server', async () => {
    const server = await startSignalServer();
    server.fail({ route: 'GET /v1/about', status: 200, body: { hello: 'world' } });
    expect(await check({ url: server.url, number: server.number })).toMatchObject({ reason: 'unreachable' });
    await server.close();
  });
});

describe('an account that is not linked', () => {
  it('asks for a login with a code, and starts by itself when a phone has scanned it', async () => {
    const clock = makeFakeClock();
    const rig = await startSignal({ clock, server: { isLinked: false }, online: false });
    const { server, record } = rig;
    try {
      await record.waitUntil(() => record.logins.length > 0);
      expect(record.states.at(-1)).toMatchObject({ state: 'needs-login' });
      expect(record.states.at(-1)?.detail).toContain(server.number);
      expect(record.logins.at(-1)).toMatchObject({ kind: 'qr', data: expect.stringContaining('sgnl://') as string });
      server.link('+4930111111');
      await tick(clock, 5);
      expect(record.states.at(-1)).toMatchObject({ state: 'needs-login' });
      server.link();
      await tick(clock, 5);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      expect(record.logins.at(-1)).toBeUndefined();
    } finally {
      await rig.close();
    }
  });

  it('renews the code, and gives up showing one when nobody is there to scan it, but not looking', async () => {
    const clock = makeFakeClock();
    const rig = await startSignal({ clock, server: { isLinked: false }, online: false });
    const { server, record } = rig;
    try {
      await record.waitUntil(() => record.logins.length > 0);
      const codes = () => server.requests.filter((request) => request.path === '/v1/qrcodelink/raw').length;
      for (let at = 0; at < 400 && record.logins.at(-1) !== undefined; at++) await tick(clock, 3);
      expect(record.logins.at(-1)).toBeUndefined();
      expect(codes()).toBe(10);
      await tick(clock, 200);
      expect(codes()).toBe(10);
      server.link();
      for (let at = 0; at < 20 && record.states.at(-1)?.state !== 'online'; at++) await tick(clock, 60);
      expect(record.states.at(-1)?.state).toBe('online');
    } finally {
      await rig.close();
    }
  });

  it('is shown a page where the server has only a picture', async () => {
    const rig = await startSignal({ server: { isLinked: false, hasRawLink: false }, online: false });
    await rig.record.waitUntil(() => rig.record.logins.length > 0);
    expect(rig.record.logins[0]).toMatchObject({
      kind: 'url',
      url: `${rig.server.url}/v1/qrcodelink?device_name=Herald`,
    });
    await rig.close();
  });
});

describe('the trust policy', () => {
  it('is set when the settings name one, and its failure keeps nobody from receiving', async () => {
    const rig = await startSignal({ settings: { trust: 'always' } });
    const set = rig.server.requests.filter((request) => request.path.startsWith('/v1/configuration/'));
    expect(set).toMatchObject([{ method: 'POST', body: { trust_mode: 'always' } }]);
    await rig.close();
  });
});

describe('login', () => {
  it('takes an account that is there', async () => {
    await withServer({}, async (server) => {
      const talk = script({ url: [server.url], number: [server.number], note_to_self_only: ['false'] });
      expect(await runLogin(talk.io, makeFakeClock())).toEqual({
        name: server.number,
        settings: { url: server.url, number: server.number },
        secrets: {},
      });
    });
  });

  it('asks again for an address where nothing answers, and for the login of a proxy', async () => {
    await withServer({ authorization: API_AUTHORIZATION }, async (server) => {
      const talk = script({
        url: ['http://127.0.0.1:1', server.url],
        api_token: ['herald:wrong-one', API_TOKEN],
        number: [server.number],
        note_to_self_only: ['true'],
      });
      expect(await runLogin(talk.io, makeFakeClock())).toEqual({
        name: server.number,
        settings: { url: server.url, number: server.number, note_to_self_only: true },
        secrets: { api_token: API_TOKEN },
      });
      expect(talk.said.join('\n')).toContain('No signal-cli-rest-api server answers at http://127.0.0.1:1');
    });
  });

  it('links a phone, and explains how to register a number', async () => {
    await withServer({ isLinked: false }, async (server) => {
      const clock = makeFakeClock();
      const talk = script({
        url: [server.url],
        number: ['register', 'link'],
        registered: [''],
        note_to_self_only: ['false'],
      });
      const result = runLogin(talk.io, clock);
      await until(() => talk.shown.some((step) => step.kind === 'qr'));
      expect(talk.shown[0]).toMatchObject({ kind: 'text', text: expect.stringContaining('/v1/register/') as string });
      server.link('+4930555555');
      for (let at = 0; at < 50 && talk.asked.at(-1) !== 'note_to_self_only'; at++) await tick(clock, 3);
      expect(await result).toMatchObject({ name: '+4930555555', settings: { number: '+4930555555' } });
    });
  });

  it('refuses an address that is none', async () => {
    const talk = script({ url: ['nonsense'] });
    await expect(runLogin(talk.io, makeFakeClock())).rejects.toThrow('no address');
  });
});

async function withServer(
  options: Parameters<typeof startSignalServer>[0],
  run: (server: SignalServer) => Promise<void>,
) {
  const server = await startSignalServer(options);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

/** Lets the clock go on, and requests on loopback come back. */
async function tick(clock: FakeClock, seconds: number): Promise<void> {
  await clock.advance(seconds * 1_000);
  await new Promise((resolve) => setTimeout(resolve, 5));
}

async function until(check: () => boolean): Promise<void> {
  for (let at = 0; at < 1_000 && !check(); at++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(check()).toBe(true);
}

/** A person who gives these answers, in turn. */
function script(answers: Record<string, string[]>) {
  const shown: LoginStep[] = [];
  const said: string[] = [];
  const asked: string[] = [];
  const next = (key: string): string => {
    asked.push(key);
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
    show: (step) => void shown.push(step),
    say: (text) => void said.push(text),
    fetch,
    signal: AbortSignal.timeout(15_000),
  };
  return { io, shown, said, asked };
}
