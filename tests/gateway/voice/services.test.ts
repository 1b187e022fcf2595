// OpenAI-compatible transcription and speech: over a loopback server that is answered by the real engine, and one that fails.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isOpus, readFormat } from '../../../gateway/voice/audio/formats.ts';
import { chooseService } from '../../../gateway/voice/services.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { RECORDINGS_DIR } from '../../support/recordings.ts';
import { startAudioApi, type AudioApi } from '../../support/voice/audio-api.ts';
import { makeVoiceNote, makeWav } from '../../support/voice/audio.ts';
import { BUILD_MS, buildOnce, reasonToSkip } from '../../support/voice/engine.ts';
import { makeVoiceRig, type VoiceRig } from '../../support/voice/rig.ts';
import { writeFixedModel } from '../../support/voice/whisper-model.ts';

const KEY = 'sk-test-0123456789abcdef';
const never = new AbortController().signal;
const skip = await reasonToSkip();

let rig: VoiceRig;
let api: AudioApi;
const direct = (more: object = {}) => ({ base_url: api.url, key_env: ['OWN_KEY'], ...more });
const useApi = (more: object = {}) =>
  rig.set({
    transcription: { engines: ['api'], api: direct(), ...more },
    speech: { engines: ['api'], api: direct({ model: 'gpt-4o-mini-tts' }) },
  });
const hear = (signal = never) => rig.transcriber.transcribe(rig.file('my private name.ogg', makeWav()), signal);

beforeEach(async () => {
  rig = makeVoiceRig();
  rig.env['OWN_KEY'] = KEY;
});
afterEach(async () => {
  await api?.close();
  rig.close();
});

describe.skipIf(skip !== undefined)('transcription over the API, answered by the real engine', () => {
  it('a voice note goes as it is, under a name of ours', { timeout: BUILD_MS }, async () => {
    const { server } = await buildOnce();
    const model = `${rig.home}/fixed.en.bin`;
    writeFixedModel(model, 'words from the server');
    api = await startAudioApi({ key: KEY, whisper: { server, model }, recordTo: RECORDINGS_DIR });
    useApi({ language: 'en' });
    const file = rig.file('my private name.ogg', makeVoiceNote(rig.home, { seconds: 2 }));
    expect(await rig.transcriber.transcribe(file, never)).toEqual({
      ok: true,
      text: 'words from the server',
      engine: 'api',
    });
    expect(api.calls).toHaveLength(1);
    expect(api.calls[0]?.body).toEqual({
      file: { file: { name: 'voice.ogg', type: 'audio/ogg', bytes: file.bytes } },
      model: 'whisper-1',
      response_format: 'json',
      language: 'en',
    });
  });
});

describe('transcription over the API', () => {
  beforeEach(async () => {
    api = await startAudioApi({ key: KEY, text: ' Heard  by\nthe loopback. ', recordTo: RECORDINGS_DIR });
    useApi();
  });

  it('is heard, without ffmpeg too when the service takes the kind', async () => {
    expect(await hear()).toMatchObject({ ok: true, text: 'Heard by the loopback.' });
    rig.set({ ffmpeg: '/nowhere', transcription: { engines: ['api'], api: direct() } });
    expect(await hear()).toMatchObject({ ok: true });
  });

  it('what the service does not take goes as WAV', async () => {
    expect(await rig.transcriber.transcribe(rig.file('x.aiff', aiff()), never)).toMatchObject({ ok: true });
    expect(api.calls[0]?.body['file']).toMatchObject({ file: { name: 'voice.wav', type: 'audio/wav' } });
  });

  it.each([
    [{ status: 401 }, 'refused the key', 1],
    [{ status: 404 }, 'no such route or model', 1],
    [{ status: 413 }, 'no recording of that size', 1],
    [{ status: 400 }, 'refused the request', 1],
    [{ status: 200, body: '{"words": 3}' }, 'no readable answer', 1],
    [{ status: 200, body: `{"text": "${'x'.repeat(2_100_000)}"}` }, 'more than was asked for', 1],
    [{ status: 302, headers: { location: 'http://127.0.0.1:9/steal' } }, 'did not answer', 2],
    [{ status: 429, headers: { 'retry-after': '3600' } }, 'is busy', 1],
  ])('%o is told as it is', async (failure, message, calls) => {
    api.failures.push(failure, failure);
    expect(await hear()).toMatchObject({ ok: false, code: 'failed', message: expect.stringContaining(message) });
    expect(api.calls).toHaveLength(calls);
    expect(JSON.stringify(rig.log)).not.toContain(KEY);
  });

  it.each([[{ status: 429, headers: { 'retry-after': '0.05' } }], [{ status: 503 }], ['cut' as const]])(
    'a service that is busy for a moment (%o) is asked once more',
    async (failure) => {
      api.failures.push(failure);
      expect(await hear()).toMatchObject({ ok: true });
      expect(api.calls).toHaveLength(2);
    },
  );

  it('a service that never answers is given up in time', async () => {
    const clock = makeFakeClock();
    const env = rig.env;
    rig.close();
    rig = makeVoiceRig({ clock });
    Object.assign(rig.env, env);
    rig.set({ ffmpeg: '/nowhere', transcription: { engines: ['api'], api: direct(), timeout_s: 30 } });
    api.failures.push('hang');
    const heard = hear();
    for (let tries = 0; tries < 500 && api.calls.length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await clock.advance(30_000);
    expect(await heard).toMatchObject({ ok: false, message: expect.stringContaining('took too long') });
  });

  it('an abort ends the request', async () => {
    const controller = new AbortController();
    api.failures.push('hang');
    const heard = hear(controller.signal);
    for (let tries = 0; tries < 500 && api.calls.length === 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    controller.abort(new Error('the process ends'));
    await expect(heard).rejects.toThrow('the process ends');
  });
});

describe('which service is used', () => {
  const env = (values: Record<string, string>) => (name: string) => values[name];

  it('is the one whose key is there', () => {
    expect(chooseService('transcription', {}, env({}))).toBeUndefined();
    expect(chooseService('transcription', {}, env({ OPENAI_API_KEY: 'a' }))).toMatchObject({
      baseUrl: 'https://api.openai.com/v1',
      key: 'a',
    });
    expect(chooseService('transcription', {}, env({ GROQ_API_KEY: 'g' }))).toMatchObject({
      title: 'Groq',
      model: 'whisper-large-v3-turbo',
    });
    expect(chooseService('speech', {}, env({ GROQ_API_KEY: 'g' }))).toBeUndefined();
  });

  it('a key goes to its own service only', () => {
    const keys = env({ OPENAI_API_KEY: 'a', MINE: 'm' });
    const own = { base_url: 'http://192.168.1.5:8080/v1/' };
    expect(chooseService('transcription', own, keys)).toEqual({
      title: '192.168.1.5:8080',
      baseUrl: 'http://192.168.1.5:8080/v1',
      key: undefined,
      model: 'whisper-1',
    });
    expect(chooseService('transcription', { ...own, key_env: ['MINE'] }, keys)?.key).toBe('m');
    expect(chooseService('transcription', { base_url: 'https://api.openai.com/v1' }, keys)?.key).toBe('a');
    expect(chooseService('transcription', { key_env: ['OTHER'] }, keys)).toBeUndefined();
  });
});

describe('speech over the API', () => {
  beforeEach(async () => {
    api = await startAudioApi({ key: KEY, recordTo: RECORDINGS_DIR });
    useApi();
  });

  it('comes as Opus for voice messages and as MP3 for files', async () => {
    const voice = { file: `${rig.home}/a.ogg`, format: 'voice' } as const;
    expect(await rig.speaker.speak('Good morning.', voice, never)).toMatchObject({ ok: true });
    expect(await isOpus(voice.file)).toBe(true);
    const file = { file: `${rig.home}/a.mp3`, format: 'file' } as const;
    expect(await rig.speaker.speak('Good morning.', file, never)).toMatchObject({ ok: true });
    expect(await readFormat(file.file)).toBe('mp3');
    expect(api.calls.map((call) => call.body)).toEqual([
      { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Good morning.', response_format: 'opus' },
      { model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'Good morning.', response_format: 'mp3' },
    ]);
  });

  it('a service that answers with something else than audio leaves no file behind', async () => {
    api.failures.push({ status: 200, body: '<html>hello</html>' });
    const target = { file: `${rig.home}/a.ogg`, format: 'voice' } as const;
    expect(await rig.speaker.speak('Hi.', target, never)).toMatchObject({
      ok: false,
      message: expect.stringContaining('no audio'),
    });
    await expect(readFormat(target.file)).rejects.toThrow('ENOENT');
  });
});

/** A kind that no service takes, whole in a few lines: 8 kHz, 16 bit, one second of a square wave. */
function aiff(): Buffer {
  const samples = Buffer.alloc(16_000);
  for (let i = 0; i < 8_000; i++) samples.writeInt16BE(i % 40 < 20 ? 9_000 : -9_000, 2 * i);
  const common = Buffer.alloc(26);
  common.write('COMM', 0);
  common.writeUInt32BE(18, 4);
  common.writeUInt16BE(1, 8);
  common.writeUInt32BE(8_000, 10);
  common.writeUInt16BE(16, 14);
  Buffer.from('400bfa00000000000000', 'hex').copy(common, 16); // 8000 as an 80-bit float
  const sound = Buffer.alloc(16);
  sound.write('SSND', 0);
  sound.writeUInt32BE(8 + samples.length, 4);
  const body = Buffer.concat([Buffer.from('AIFF'), common, sound, samples]);
  const head = Buffer.alloc(8);
  head.write('FORM', 0);
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}
