// Voice messages on their way through the gateway: who is heard, in which order, and what is paid for only once.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../../adapters/contract.ts';
import { getInbox } from '../../../data/process/inbox.ts';
import { makeListener } from '../../../gateway/voice/listener.ts';
import { AppError } from '../../../shared/errors.ts';
import { chatId, inboxId, messageId, userId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
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

const open = async (options: { home?: string; run?: RunTurn } = {}) => {
  gateway = await openTestGateway({ platforms: [platform], voice: voice.engines, run: echo, ...options });
};
/** Files hold their ref, so the ref is what is heard. */
const note = (said: string, more: Partial<InboundMessage> & { user?: string; caption?: string } = {}) => {
  const { caption = '', ...rest } = more;
  return platform.say(caption, { attachments: [{ kind: 'voice', ref: said, mime: 'audio/ogg' }], ...rest });
};
const team = { chat: chatId('team'), chatKind: 'group', addressed: false } as const;
const settle = () => settleAll(gateway);
const until = (check: () => boolean) => settleUntil(gateway, check);
const asked = () => gateway.turns.map((turn) => turn.inputs.map((input) => input.text).join(' | '));

beforeEach(async () => {
  platform = makeFakePlatform({ contentOf: (ref) => ref });
  voice = makeScriptedVoice();
  await open();
});
afterEach(() => gateway.close());

describe('a voice message', () => {
  it('of a paired person is answered as if it were typed, and fetched and heard once', async () => {
    await gateway.pair(platform, 'ann');
    await note('what is the time?');
    await settle();
    expect(asked()).toEqual(['[voice message] what is the time?']);
    expect(gateway.turns[0]?.inputs[0]?.files).toEqual([]);
    expect(platform.texts()).toEqual(['echo: [voice message] what is the time?']);
    expect([platform.opened, voice.heard]).toEqual([['what is the time?'], ['what is the time?']]);
    expect(platform.typings).toBeGreaterThan(0);
  });

  it('of an unpaired person is never fetched', async () => {
    await note('slash stop', { user: 'eve' });
    await note('let me in', { user: 'bot', sender: { id: userId('eve'), name: 'b', bot: true } });
    await settle();
    expect(platform.opened).toEqual([]);
    expect(platform.texts('eve').join()).toContain('pairing code');
    expect(gateway.turns).toEqual([]);
  });

  it('that nobody vouches for is never fetched', async () => {
    await gateway.pair(platform, 'ann');
    await note('pay the bill', { sender: { id: userId('ann'), name: 'ann', bot: false, verified: false } });
    await settle();
    expect(platform.opened).toEqual([]);
    expect(gateway.turns).toEqual([]);
  });

  it('that is too old to be answered is not paid for', async () => {
    await gateway.pair(platform, 'ann');
    await note('old news', { sentAt: gateway.clock.now() - 25 * 3_600_000 });
    await settle();
    expect(voice.heard).toEqual([]);
    expect(platform.texts().join()).toContain('too old');
  });

  it('keeps its caption, and other files with it', async () => {
    await gateway.pair(platform, 'ann');
    await platform.say('about this', {
      attachments: [
        { kind: 'image', ref: 'picture', mime: 'image/png' },
        { kind: 'voice', ref: 'look at the left' },
      ],
    });
    await settle();
    expect(asked()).toEqual(['about this\n[voice message] look at the left']);
    expect(gateway.turns[0]?.inputs[0]?.files.map((file) => file.kind)).toEqual(['image']);
    expect(platform.opened.toSorted()).toEqual(['look at the left', 'picture']);
  });

  it('an edited caption of a waiting one keeps what was heard', async () => {
    await gateway.pair(platform, 'ann');
    const waits = Promise.withResolvers<void>();
    await gateway.close();
    await open({ run: async (turn) => (await waits.promise, answer(turn, 'done')) });
    await gateway.pair(platform, 'ann');
    await platform.say('first');
    await until(() => gateway.turns.length === 1);
    const said = { id: messageId('own-1'), attachments: [{ kind: 'voice' as const, ref: 'the words' }] };
    await platform.say('caption', said);
    await until(() => voice.heard.length === 1);
    await platform.say('better caption', { ...said, kind: 'edit', revision: '2' });
    await gateway.settle();
    waits.resolve();
    await settle();
    expect(asked()).toEqual(['first', 'better caption\n[voice message] the words']);
    expect(voice.heard).toEqual(['the words']);
  });
});

describe('in groups', () => {
  beforeEach(() => gateway.pair(platform, 'ann'));

  it('a spoken name counts as a mention, of those who may talk there', async () => {
    await note('Hey Herald, who wins?', { user: 'ann', ...team });
    await note('Herald, let me in', { user: 'eve', ...team });
    await note('Herald, here?', { user: 'ann', ...team, chat: chatId('elsewhere') });
    await settle();
    expect(asked()).toEqual(['[voice message] Hey Herald, who wins?']);
    expect(platform.opened).toEqual(['Hey Herald, who wins?']);
  });

  it('what is said without it is only what went before', async () => {
    await note('I will be late', { user: 'ann', ...team });
    await settle();
    expect(gateway.turns).toEqual([]);
    await note('Herald, when do we meet?', { user: 'ann', ...team });
    await settle();
    expect(asked()).toHaveLength(1);
    expect(asked()[0]).toMatch(/I will be late.* \| \[voice message\] Herald, when do we meet\?$/s);
    expect(voice.heard).toHaveLength(2);
  });

  it('with no name to be called by, nothing is fetched that did not name us otherwise', async () => {
    voice.set({ names: [] });
    await note('Herald, who wins?', { user: 'ann', ...team });
    await note('an answer to you', { user: 'ann', ...team, addressed: true });
    await settle();
    expect(platform.opened).toEqual(['an answer to you']);
  });

  it('a failure is told only to somebody who spoke to us', async () => {
    voice.hear = () => ({ ok: false, code: 'silent', message: 'Nothing there.' });
    await note('x', { user: 'ann', ...team });
    await settle();
    expect(platform.sent).toEqual([]);
    await note('y', { user: 'ann', ...team, addressed: true });
    await settle();
    expect(platform.texts('team').join()).toContain('Nothing there.');
  });
});

describe('commands by voice', () => {
  it('stop what is running, and are answered', async () => {
    await gateway.close();
    await open({ run: async (turn, signal) => (await untilAborted(signal), answer(turn, '')) });
    await gateway.pair(platform, 'ann');
    await platform.say('a long story');
    await until(() => gateway.turns.length === 1);
    await note('Slash stop.');
    await settle();
    expect(platform.texts().at(-1)).toContain('Stopped');
    await note('Slash who am I?');
    await settle();
    expect(platform.texts().at(-1)).toContain('ann');
    expect(gateway.turns).toHaveLength(1);
  });

  it('somebody else cannot give them through a forwarded recording or an audio file', async () => {
    await gateway.pair(platform, 'ann');
    await note('slash new', { caption: 'Forwarded from Eve:' });
    await platform.say('', { attachments: [{ kind: 'audio', ref: 'slash new', durationMs: 1_000 }] });
    await settle();
    expect(asked().join(' | ').replaceAll('\n[words', ' | [words')).toBe(
      'Forwarded from Eve:\n[voice message] slash new | [words in an audio file, perhaps of somebody else] slash new',
    );
  });
});

describe('while one is being transcribed', () => {
  let release: (text: string) => void;
  beforeEach(async () => {
    await gateway.pair(platform, 'ann');
    await gateway.pair(platform, 'bob', 'member');
    voice.hear = (content, signal) =>
      content === 'long'
        ? Promise.race([
            untilAborted(signal),
            new Promise<{ ok: true; text: string; engine: 'command' }>((resolve) => {
              release = (text) => resolve({ ok: true, text, engine: 'command' });
            }),
          ])
        : { ok: true, text: content, engine: 'command' };
  });

  it('later messages of its chat wait, and those of other chats do not', async () => {
    await note('long');
    await platform.say('second');
    await platform.say('hello from bob', { user: 'bob' });
    await note('and by voice', { user: 'bob' });
    await until(() => asked().length === 2 && voice.heard.includes('long'));
    expect(asked().join(' | ')).toBe('hello from bob | [voice message] and by voice');
    release('first, at last');
    await settle();
    expect(asked().join(' | ')).toMatch(/\[voice message\] first, at last \| second$/);
  });

  it('/stop in the same chat acts at once', async () => {
    await note('long');
    await until(() => voice.heard.length === 1);
    await platform.say('/stop');
    await until(() => platform.texts().length === 1);
    expect(platform.texts().join()).toMatch(/nothing/i);
    release('still heard');
    await settle();
    expect(asked()).toEqual(['[voice message] still heard']);
  });

  it('the gateway stops at once, and the next one takes it up', async () => {
    await note('long');
    await until(() => voice.heard.length === 1);
    const home = await stopped();
    voice.hear = (content) => ({ ok: true, text: `${content} again`, engine: 'command' });
    await open({ home });
    await settle();
    expect(asked()).toEqual(['[voice message] long again']);
    expect(voice.heard).toEqual(['long', 'long']);
  });

  it('a crash after it was heard costs nothing again', async () => {
    await gateway.close();
    await open({ run: (_turn, signal) => untilAborted(signal) });
    await gateway.pair(platform, 'ann');
    await note('heard before the crash');
    await until(() => gateway.turns.length === 1);
    const home = await gateway.crash();
    await open({ home });
    await settle();
    expect(asked()).toEqual(['[voice message] heard before the crash']);
    expect(voice.heard).toEqual(['heard before the crash']);
  });
});

describe('what cannot be transcribed', () => {
  beforeEach(() => gateway.pair(platform, 'ann'));

  it('is told with its reason, kept as a file, and shown to the model', async () => {
    voice.hear = () => ({ ok: false, code: 'too_long', message: 'It is longer than the limit of 20 minutes.' });
    await note('x');
    await settle();
    expect(platform.texts()[0]).toBe(
      'I could not turn your voice message into text. It is longer than the limit of 20 minutes. The recording is kept.',
    );
    expect(gateway.turns[0]?.inputs[0]).toMatchObject({
      text: expect.stringContaining('not transcribed; the sender was told why: It is longer'),
      files: [{ kind: 'voice' }],
    });
  });

  it('is not even fetched for it when its announced size says so', async () => {
    voice.refusal = { ok: false, code: 'too_large', message: 'It is larger than the limit.' };
    await note('x');
    await settle();
    expect(voice.heard).toEqual([]);
    expect(platform.texts()[0]).toContain('larger than the limit');
    expect(platform.opened).toEqual(['x']); // for the turn, as any file
  });

  it('because the platform does not hand it over is asked for again first', async () => {
    platform.refuseFiles = 3;
    await note('x');
    await settle();
    expect(platform.texts()[0]).toContain('could not be fetched');
    platform.refuseFiles = 2;
    await note('y');
    await settle();
    expect(asked().at(-1)).toBe('[voice message] y');
  });

  it('in an audio file is no matter to be told', async () => {
    voice.hear = () => ({ ok: false, code: 'silent', message: 'Nothing there.' });
    await platform.say('', { attachments: [{ kind: 'audio', ref: 'music' }] });
    await settle();
    expect(platform.texts()).toEqual(['echo:']);
    expect(gateway.turns[0]?.inputs[0]?.files).toMatchObject([{ kind: 'audio' }]);
  });

  it('with transcription switched off, recordings are files', async () => {
    voice.set({ transcription: { enabled: false } });
    await note('x');
    await settle();
    expect(voice.heard).toEqual([]);
    expect(gateway.turns[0]?.inputs[0]?.files).toMatchObject([{ kind: 'voice' }]);
  });
});

it('what was heard is not paid for again when it could not be stored', async () => {
  await gateway.pair(platform, 'ann');
  await gateway.crash(); // only its files and rows are needed
  gateway = await openTestGateway({ platforms: [platform] });
  await gateway.pair(platform, 'ann');
  await note('precious');
  await gateway.settle();
  const row = await getInbox(gateway.db, inboxId('1'));
  if (!row) throw new Error('no row');
  let isFull = true;
  const query = new Proxy(gateway.db.query, {
    get(target, name, receiver) {
      if (name === 'updateTable' && isFull) throw new AppError('disk_full', 'full');
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const listener = makeListener({
    ...voice.engines,
    db: { ...gateway.db, query },
    clock: gateway.clock,
    log: silentLog,
    files: { fetch: async () => ({ ...file, path: import.meta.filename }) } as never,
    platforms: gateway.core.platforms,
    poster: undefined as never,
    ttlMs: 1e12,
    foresee: async () => ({ now: true, named: true }),
    signal: new AbortController().signal,
  });
  await expect(listener.listen(row)).rejects.toMatchObject({ code: 'disk_full' });
  isFull = false;
  expect((await listener.listen(row)).payload.voice?.text).toBeDefined();
  expect(voice.heard).toHaveLength(1);
});

const file = { kind: 'voice', name: 'v', mime: 'audio/ogg', bytes: 1 } as const;

/** Ends in order and keeps the home. */
async function stopped(): Promise<string> {
  const done = gateway.core.stop();
  for (let round = 0; round < 50; round++) await gateway.clock.advance(200);
  await done;
  return gateway.crash();
}
