// Voice end to end: the real gateway as a process, the loopback Bot API server, the real whisper.cpp on models that hear one sentence
// each, real ffmpeg, and a loopback model server.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtEngine } from '../../gateway/voice/transcription/local.ts';
import { modelFile } from '../../gateway/voice/transcription/models.ts';
import { startBotApi } from '../support/bot-api.ts';
import type { BotApi } from '../support/bot-api/types.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { RECORDINGS_DIR } from '../support/recordings.ts';
import { startAudioApi, type AudioApi } from '../support/voice/audio-api.ts';
import { makeVoiceNote } from '../support/voice/audio.ts';
import { BUILD_MS, buildOnce, reasonToSkip } from '../support/voice/engine.ts';
import { writeFixedModel } from '../support/voice/whisper-model.ts';

const ANN = 101;
const GROUP = -1_009_001;
const OPENAI_KEY = 'sk-voice-0123456789abcdefghij';
const WAIT_MS = 30_000;
const skip = await reasonToSkip();

describe.skipIf(skip !== undefined)(
  `voice, end to end${skip === undefined ? '' : ` (${skip})`}`,
  { timeout: 90_000 },
  () => {
    let model: ModelServer;
    let bot: BotApi;
    let speech: AudioApi;
    let home: string;
    let gateway: GatewayProcess;
    let recording: Buffer;

    const sendVoice = (user = ANN, options: object = {}) =>
      bot.user(user).dm.sendVoice({ name: 'a; touch pwned.oga', mime: 'audio/ogg', bytes: recording }, options);
    /** From now on every recording says this. */
    const sayNow = (sentence: string) => writeFixedModel(modelFile(home, 'fixed.en'), sentence);
    const fetched = () => bot.calls.filter((call) => call.method === 'getFile').length;
    const texts = (chat: number) => bot.messages(chat).map(({ message }) => message.text ?? message.caption ?? '');
    const voices = () => bot.messages(ANN).filter(({ message }) => message.voice !== undefined);
    const start = async () => {
      gateway = await startGatewayProcess({ home, env: { OPENAI_API_KEY: OPENAI_KEY } });
      await waitFor('a poll', () => bot.isPolling());
    };

    beforeAll(async () => {
      const engine = await buildOnce();
      model = await startModelServer({
        script: (call) =>
          call.user.includes('forever')
            ? { text: 'One word after the other. '.repeat(200), delayMs: 50, chunkChars: 8 }
            : { text: `Heard: **${call.user.slice(-60)}**` },
      });
      bot = await startBotApi({ recordTo: RECORDINGS_DIR });
      speech = await startAudioApi({ key: OPENAI_KEY });
      home = makeHome({
        model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
        platforms: { telegram: { api_root: bot.url, allowed_users: [String(ANN)], allowed_chats: [String(GROUP)] } },
        voice: {
          transcription: { engines: ['local'] },
          speech: { engines: ['api'], api: { base_url: speech.url, key_env: ['OPENAI_API_KEY'] } },
        },
      });
      fs.writeFileSync(path.join(home, '.env'), `TELEGRAM_BOT_TOKEN=${bot.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
        mode: 0o600,
      });
      fs.mkdirSync(path.dirname(builtEngine(home)), { recursive: true });
      fs.symlinkSync(engine.main, builtEngine(home));
      fs.mkdirSync(path.join(home, 'models'));
      sayNow('hello from the voice memo');
      recording = makeVoiceNote(home, { seconds: 1.5 });
      await start();
    }, BUILD_MS);

    afterAll(async () => {
      await gateway?.kill('SIGKILL');
      await bot?.close();
      await speech?.close();
      await model?.close();
      fs.rmSync(home, { recursive: true, force: true });
    });

    it('a voice note is answered as if it were typed', async () => {
      sendVoice();
      await bot.waitForText(ANN, 'Heard: [voice message] hello from the voice memo', WAIT_MS);
      expect(voices()).toEqual([]);
      expect(fs.readdirSync(path.join(home, 'voice/work'))).toEqual([]);
      expect(fs.readdirSync(home)).not.toContain('pwned');
    });

    it('the audio of somebody unpaired is never fetched', async () => {
      const before = fetched();
      sendVoice(666);
      await bot.waitForText(666, 'pairing code');
      expect(fetched()).toBe(before);
    });

    it('/voice on: a voice note gets a voice answer after the text, exactly once, also over a kill -9', async () => {
      bot.user(ANN).dm.sendText('/voice on');
      await bot.waitForText(ANN, 'From now on in this chat');
      speech.failures.push('hang');
      sendVoice();
      await waitFor('speech to be asked for', () => speech.calls.length === 1, WAIT_MS);
      const answers = texts(ANN).filter((text) => text.startsWith('Heard: [voice'));
      expect(answers).toHaveLength(2);
      await gateway.kill('SIGKILL');
      await start();
      await waitFor('the voice answer', () => voices().length === 1, WAIT_MS);
      expect(speech.calls.at(-1)?.body).toMatchObject({
        input: 'Heard: [voice message] hello from the voice memo.',
        response_format: 'opus',
      });
      bot.user(ANN).dm.sendText('typed, so no voice');
      await bot.waitForText(ANN, 'Heard: typed, so no voice');
      expect(voices()).toHaveLength(1);
      expect(texts(ANN).filter((text) => text.startsWith('Heard: [voice'))).toHaveLength(2);
    });

    it('a slash command works by voice', async () => {
      bot.user(ANN).dm.sendText('talk forever');
      await waitFor('the answer to begin', () => bot.drafts(ANN).length > 0, WAIT_MS);
      sayNow('Slash stop.');
      sendVoice();
      await bot.waitForText(ANN, 'Stopped', WAIT_MS);
    });

    it('in a group, a spoken name is a mention', async () => {
      const group = bot.group({ id: GROUP, title: 'Team' });
      const file = { name: 'v.oga', mime: 'audio/ogg', bytes: recording };
      sayNow('I will be late today');
      bot.user(ANN).in(group).sendVoice(file);
      await waitFor('the first one to be heard', () => !bot.pendingUpdates().length && fetched() >= 4, WAIT_MS);
      await waitFor('the work to end', () => fs.readdirSync(path.join(home, 'voice/work')).length === 0, WAIT_MS);
      sayNow('Hey Herald, who is late today?');
      bot.user(667, 'Eve').in(group).sendVoice(file);
      bot.user(ANN).in(group).sendVoice(file);
      await bot.waitForText(GROUP, 'Hey Herald, who is late today?', WAIT_MS);
      expect(texts(GROUP)).toHaveLength(1);
    });

    it('what cannot be heard is told, and neither log nor output held a key or a word', async () => {
      bot.user(ANN).dm.sendVoice({ name: 'bad.ogg', mime: 'audio/ogg', bytes: Buffer.from('no audio at all') });
      await bot.waitForText(ANN, 'I could not turn your voice message into text.', WAIT_MS);
      const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8') + gateway.output();
      for (const secret of [bot.token, OPENAI_KEY, 'voice memo', 'Slash stop']) expect(log).not.toContain(secret);
    });
  },
);
