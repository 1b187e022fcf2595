// Answers said aloud: when they are, in which form, and that neither a failure nor a crash costs a text or says anything twice.
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Capabilities } from '../../../adapters/capabilities.ts';
import { makeFakePlatform, type FakePlatform } from '../../support/fake-platform.ts';
import { answer, echo, openTestGateway, type RunTurn, type TestGateway } from '../../support/gateway.ts';
import {
  makeScriptedVoice,
  settleAll,
  settleUntil,
  untilAborted,
  type ScriptedVoice,
} from '../../support/voice/scripted.ts';

let platform: FakePlatform;
let voice: ScriptedVoice;
let gateway: TestGateway;

const media = { support: 'full', maxBytes: 1e7, maxCaption: 0, mime: [] } as const;
const allMedia = { image: media, audio: media, voice: media, video: media, document: media, sticker: media };

const open = async (options: { home?: string; run?: RunTurn; media?: Partial<Capabilities['media']> } = {}) => {
  if (!options.home)
    platform = makeFakePlatform({
      contentOf: (ref) => ref,
      capabilities: { media: { ...allMedia, ...options.media }, sendDedupe: 'by-key' },
    });
  gateway = await openTestGateway({ platforms: [platform], voice: voice.engines, run: echo, ...options });
};
const settle = () => settleAll(gateway);
const until = (check: () => boolean) => settleUntil(gateway, check);
const note = (said: string) => platform.say('', { attachments: [{ kind: 'voice', ref: said }] });
/** What arrived: texts, and of files what is in them. */
const arrived = () =>
  platform.sent.map((part) => [part.text, ...part.files.map((file) => fs.readFileSync(file.path, 'utf8'))].join(''));
const begin = async (mode: string, options: Parameters<typeof open>[0] = {}) => {
  await open(options);
  await gateway.pair(platform, 'ann');
  await platform.say(`/voice ${mode}`);
  await settle();
  platform.sent.splice(0);
};

beforeEach(() => {
  voice = makeScriptedVoice();
});
afterEach(() => gateway.close());

describe('/voice', () => {
  it('is off until somebody asks for it', async () => {
    await open();
    await gateway.pair(platform, 'ann');
    await note('hello');
    await settle();
    expect(arrived()).toEqual(['echo: [voice message] hello']);
    expect(gateway.turns[0]?.promptHint).toBe('A test.');
  });

  it('on: voice messages are answered by voice too, after the text', async () => {
    await begin('on');
    await note('hello');
    await settle();
    await platform.say('typed');
    await settle();
    expect(arrived()).toEqual(['echo: [voice message] hello', 'voice: echo: [voice message] hello.', 'echo: typed']);
    const spoken = platform.sent[1];
    expect(spoken?.files).toMatchObject([{ kind: 'voice', mime: 'audio/ogg', name: 'answer.ogg' }]);
    expect(spoken?.files[0]?.bytes).toBeGreaterThan(0);
    expect(fs.readdirSync(`${gateway.home}/files`).filter((name) => name.startsWith('out-'))).toHaveLength(1);
    expect(gateway.turns[0]?.promptHint).toMatch(/^A test\. .*read aloud/);
  });

  it('tts: every answer is said, command replies are not; off ends it', async () => {
    await begin('tts');
    await platform.say('typed');
    await platform.say('/whoami');
    await settle();
    expect(voice.spoken).toEqual(['echo: typed.']);
    await platform.say('/voice off');
    await platform.say('more');
    await settle();
    expect(voice.spoken).toHaveLength(1);
  });

  it('where a platform shows no voice bubble, speech is an audio file; where it takes none, nothing', async () => {
    await begin('tts', { media: { voice: { ...media, support: 'fallback' } } });
    await platform.say('hi');
    await settle();
    expect(arrived()).toEqual(['echo: hi', 'file: echo: hi.']);
    expect(platform.sent[1]?.files).toMatchObject([{ kind: 'audio', mime: 'audio/mpeg' }]);
    await gateway.close();
    const dropped = { ...media, support: 'dropped' } as const;
    await begin('tts', { media: { voice: dropped, audio: dropped } });
    await platform.say('hi');
    await settle();
    expect(arrived()).toEqual(['echo: hi']);
  });

  it('an answer of code alone is not said, and a long one is said in part', async () => {
    const texts = ['```\nrm -rf /\n```', 'A sentence of some length. '.repeat(100)];
    await begin('tts', { run: async (turn) => answer(turn, texts.shift() ?? '') });
    await platform.say('one');
    await settle();
    expect(voice.spoken).toEqual([]);
    await platform.say('two');
    await settle();
    expect(voice.spoken[0]?.length).toBeLessThan(1_300);
    expect(voice.spoken[0]).toMatch(/The rest is in the text\.$/);
  });

  it('an answer that failed or was stopped is not said', async () => {
    await begin('tts', { run: async (turn) => ({ ...answer(turn, 'no'), end: 'failed', errorCode: 'model_auth' }) });
    await platform.say('hi');
    await settle();
    expect(voice.spoken).toEqual([]);
  });
});

describe('speech that cannot be made', () => {
  it('costs nothing but itself, and is told once a day', async () => {
    await begin('tts');
    voice.speak = () => 'The engine is broken.';
    await platform.say('one');
    await settle();
    await platform.say('two');
    await settle();
    expect(arrived()).toEqual(['echo: one', expect.stringContaining('The engine is broken.'), 'echo: two']);
    expect(arrived()[1]).toContain('/voice off');
    voice.speak = () => undefined;
    await gateway.clock.advance(24 * 3_600_000);
    await platform.say('three', { sentAt: gateway.clock.now() });
    await settle();
    expect(arrived().slice(3)).toEqual(['echo: three', 'voice: echo: three.']);
  });

  it('for long holds up neither its own text nor other chats', async () => {
    await begin('tts');
    await gateway.pair(platform, 'bob', 'member');
    voice.speak = (_text, signal) => untilAborted(signal);
    await platform.say('one');
    await until(() => voice.spoken.length === 1);
    await platform.say('hello', { user: 'bob' });
    await until(() => platform.texts('bob').length === 1);
    expect(platform.texts()).toEqual(['echo: one']);
  });
});

describe('after a crash', () => {
  it('before it was spoken, it is spoken once', async () => {
    await begin('tts');
    voice.speak = (_text, signal) => untilAborted(signal);
    await platform.say('one');
    await until(() => voice.spoken.length === 1);
    const home = await gateway.crash();
    voice.speak = () => undefined;
    await open({ home });
    await settle();
    expect(arrived()).toEqual(['echo: one', 'voice: echo: one.']);
    expect(voice.spoken).toHaveLength(2);
  });

  it('after it was spoken, it is sent once and not made again', async () => {
    await begin('tts');
    platform.failures.push(
      { result: { ok: true, ids: [] }, arrives: true },
      {
        result: { ok: false, code: 'unreachable', reached: 'no', retryAfterMs: 60_000, cause: new Error('x') },
        arrives: false,
      },
    );
    await platform.say('one');
    await until(() => voice.spoken.length === 1 && platform.failures.length === 0);
    const home = await gateway.crash();
    await open({ home });
    await settle();
    expect(arrived()).toEqual(['echo: one', 'voice: echo: one.']);
    expect(voice.spoken).toHaveLength(1);
  });

  it('a stopping gateway does not wait for an engine', async () => {
    await begin('tts');
    voice.speak = (_text, signal) => untilAborted(signal);
    await platform.say('one');
    await until(() => voice.spoken.length === 1);
    const done = gateway.core.stop();
    for (let round = 0; round < 50; round++) await gateway.clock.advance(200);
    await done;
    const home = await gateway.crash();
    voice.speak = () => undefined;
    await open({ home });
    await settle();
    expect(arrived()).toEqual(['echo: one', 'voice: echo: one.']);
  });
});
