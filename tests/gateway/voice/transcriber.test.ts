// From files that people send to words, by the real engine with a model that always hears one sentence.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeVoiceNote, makeWav } from '../../support/voice/audio.ts';
import { BUILD_MS, buildOnce, reasonToSkip, type RealEngine } from '../../support/voice/engine.ts';
import { makeVoiceRig, type VoiceRig } from '../../support/voice/rig.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const SENTENCE = 'hello from the voice memo';
const never = new AbortController().signal;
const skip = await reasonToSkip();

describe.skipIf(skip !== undefined)(`transcription by the real engine${skip === undefined ? '' : ` (${skip})`}`, () => {
  let engine: RealEngine;
  let rig: VoiceRig;
  let note: Buffer;

  beforeAll(async () => {
    engine = await buildOnce();
    const scratch = makeVoiceRig();
    note = makeVoiceNote(scratch.home);
    scratch.close();
  }, BUILD_MS);
  beforeEach(() => {
    rig = makeVoiceRig();
    rig.install(engine.main, SENTENCE);
  });
  afterEach(() => rig.close());

  const hear = (name: string, content: Buffer | string, signal = never) =>
    rig.transcriber.transcribe(rig.file(name, content), signal);

  it('a voice note becomes its words, by itself, when a model is installed', async () => {
    expect(await hear('note.ogg', note)).toEqual({ ok: true, text: SENTENCE, engine: 'local' });
    expect(fs.readdirSync(rig.workDir)).toEqual([]);
  });

  it('a spoken "yes" of a third of a second is heard too', async () => {
    expect(await hear('yes.ogg', makeVoiceNote(rig.home, { seconds: 0.3 }))).toMatchObject({ ok: true });
  });

  it('a hostile file name does nothing', async () => {
    const name = `-f $(touch pwned); "x' \n\u202e.ogg`;
    expect(await hear(name, note)).toMatchObject({ ok: true, text: SENTENCE });
    expect(fs.readdirSync(rig.home)).not.toContain('pwned');
  });

  it('a recording that breaks off is heard as far as it goes', async () => {
    const long = makeVoiceNote(rig.home, { seconds: 3 });
    expect(await hear('cut.ogg', long.subarray(0, Math.floor(long.length * 0.6)))).toMatchObject({ ok: true });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['noise', Buffer.alloc(5_000, 'x y')],
    ['a head without a body', Buffer.from('OggS')],
  ])('of %s the sender is told that it is damaged', async (_what, content) => {
    expect(await hear('bad.ogg', content)).toMatchObject({ ok: false, code: 'not_audio' });
  });

  it('a playlist in the clothes of a recording opens no other file', async () => {
    const secret = path.join(rig.home, 'secret.wav');
    fs.writeFileSync(secret, makeWav());
    const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n${secret}\n#EXT-X-ENDLIST\n`;
    expect(await hear('list.ogg', playlist)).toMatchObject({ ok: false, code: 'not_audio' });
    expect(await hear('concat.ogg', `ffconcat version 1.0\nfile ${secret}\n`)).toMatchObject({ code: 'not_audio' });
  });

  it('silence is not given to the engine, which would invent words for it', async () => {
    rig.set({ transcription: { local: { program: rig.script('boom', 'process.exit(1)') } } });
    expect(await hear('quiet.ogg', makeVoiceNote(rig.home, { volume: 0 }))).toMatchObject({
      ok: false,
      code: 'silent',
    });
  });

  it('a recording over the limit is refused by what it really is, not by what was announced', async () => {
    rig.set({ transcription: { max_minutes: 0.02 } });
    const file = rig.file('long.ogg', makeVoiceNote(rig.home, { seconds: 4 }));
    expect(await rig.transcriber.transcribe({ ...file, durationMs: 100 }, never)).toMatchObject({ code: 'too_long' });
    expect(await rig.transcriber.refuse({ durationMs: 3_600_000 })).toMatchObject({ code: 'too_long' });
    expect(await rig.transcriber.refuse({ bytes: 1e9 })).toMatchObject({ code: 'too_large' });
    expect(await rig.transcriber.refuse({ bytes: 1_000, durationMs: 100 })).toBeUndefined();
  });

  it('a huge announced duration in a small file costs nothing', async () => {
    // The sizes in the head of a WAV are the sender's to write.
    const wav = makeWav();
    wav.writeUInt32LE(0xfffffff0, 4);
    wav.writeUInt32LE(0xffffff00, 40);
    expect(await hear('huge.wav', wav)).toMatchObject({ ok: true, text: SENTENCE });
  });

  it('without ffmpeg the person is told that it is missing', async () => {
    rig.set({ ffmpeg: '/nowhere/ffmpeg' });
    expect(await hear('note.ogg', note)).toMatchObject({
      ok: false,
      code: 'not_set_up',
      message: expect.stringContaining('needs ffmpeg'),
    });
  });

  it('a model that the engine cannot read is told, and its output stays in the log', async () => {
    fs.writeFileSync(path.join(rig.home, 'models/ggml-fixed.en.bin'), 'not a model');
    const heard = await hear('note.ogg', note);
    expect(heard).toMatchObject({ ok: false, code: 'failed', message: expect.stringContaining('model fixed.en') });
    expect(JSON.stringify(heard)).not.toContain(rig.home);
    expect(rig.log.join('\n')).toContain('whisper');
  });

  it('the newest model is used unless one is named', async () => {
    const old = path.join(rig.home, 'models/ggml-fixed.en.bin');
    fs.utimesSync(old, 1, 1);
    fs.copyFileSync(old, path.join(rig.home, 'models/ggml-newer.en.bin'));
    const [first] = await rig.transcriber.engines();
    expect((await first?.check())?.about).toContain('newer.en');
    rig.set({ transcription: { local: { model: 'fixed.en' } } });
    expect((await first?.check())?.about).toContain('fixed.en');
    rig.set({ transcription: { local: { model: 'gone' } } });
    expect(await rig.transcriber.engines()).toEqual([]);
  });
});

describe('engines that misbehave', () => {
  let rig: VoiceRig;
  let wav: Buffer;
  beforeEach(() => {
    rig = makeVoiceRig();
    wav = makeWav({ seconds: 0.2 });
    fs.mkdirSync(path.join(rig.home, 'models'));
    fs.writeFileSync(path.join(rig.home, 'models/ggml-any.bin'), 'x');
  });
  afterEach(() => rig.close());

  /** A stand-in for the engine's program; it gets the same arguments. */
  const useLocal = (source: string, more: object = {}) =>
    rig.set({ transcription: { local: { program: rig.script('engine', source) }, ...more } });
  const hear = (signal = never) => rig.transcriber.transcribe(rig.file('note.wav', wav), signal);
  const writes = (text: string) =>
    `const at = process.argv.indexOf('-of');
     require('node:fs').writeFileSync(process.argv[at + 1] + '.json', JSON.stringify({ transcription: [{ text: ${JSON.stringify(text)} }] }));`;

  it.each([
    ['crashes', 'process.kill(process.pid, "SIGSEGV")', 'crashed'],
    ['was built for another processor', 'process.kill(process.pid, "SIGILL")', 'another processor'],
    ['fails', 'console.error("out of memory"); process.exit(3)', 'failed with model'],
    ['says nothing', '', 'no readable answer'],
    ['writes nonsense', writes('x').replace('JSON.stringify(', 'String('), 'no readable answer'],
  ])('one that %s is an answer for the person', async (_what, source, message) => {
    useLocal(source);
    expect(await hear()).toMatchObject({ ok: false, code: 'failed', message: expect.stringContaining(message) });
    expect(fs.readdirSync(rig.workDir)).toEqual([]);
  });

  it('one for another machine is told', async () => {
    const program = rig.script('engine', '');
    fs.writeFileSync(program, Buffer.from('\x7fELF for something else', 'latin1'));
    rig.set({ transcription: { local: { program } } });
    expect(await hear()).toMatchObject({ ok: false, code: 'failed' });
    rig.set({ transcription: { command: [rig.script('engine', ''), '{file}\0'] } }); // spawn itself throws
    expect(await hear()).toMatchObject({ ok: false, message: 'The transcription command failed.' });
  });

  it('one that is not there is told', async () => {
    rig.set({ transcription: { engines: ['local'], local: { program: '/nowhere/whisper' } } });
    expect(await hear()).toMatchObject({ ok: false, code: 'not_set_up' });
  });

  it('one that never ends is killed with all that it began', async () => {
    const clock = makeFakeClock();
    rig.close();
    rig = makeVoiceRig({ clock });
    rig.set({ ffmpeg: '/nowhere/ffmpeg', transcription: { command: [rig.script('engine', ''), '{file}'] } });
    const pidFile = path.join(rig.home, 'pid');
    rig.script(
      'engine',
      `const child = require('node:child_process').spawn('sleep', ['60'], { stdio: 'ignore' });
       require('node:fs').writeFileSync(${JSON.stringify(pidFile)}, String(child.pid));
       setInterval(() => {}, 1000);`,
    );
    const heard = hear();
    const grandchild = await seeFile(pidFile);
    await clock.advance(600_000);
    expect(await heard).toMatchObject({ ok: false, message: expect.stringContaining('took too long') });
    expect(isAlive(grandchild)).toBe(false);
  });

  it('an abort kills it at once and rejects with the reason', async () => {
    const controller = new AbortController();
    const started = path.join(rig.home, 'started');
    useLocal(
      `require('node:fs').writeFileSync(${JSON.stringify(started)}, String(process.pid)); setInterval(() => {}, 1000);`,
    );
    const heard = hear(controller.signal);
    const pid = await seeFile(started);
    controller.abort(new Error('the process ends'));
    await expect(heard).rejects.toThrow('the process ends');
    expect(isAlive(pid)).toBe(false);
    expect(fs.readdirSync(rig.workDir)).toEqual([]);
  });

  it('on this machine one recording is worked on at a time', async () => {
    const busy = path.join(rig.home, 'busy');
    useLocal(
      `const fs = require('node:fs');
       fs.mkdirSync(${JSON.stringify(busy)});
       setTimeout(() => { fs.rmdirSync(${JSON.stringify(busy)}); ${writes('one at a time')} }, 60);`,
    );
    const heard = await Promise.all([hear(), hear(), hear()]);
    expect(heard.map((one) => (one.ok ? one.text : one.message))).toEqual(Array(3).fill('one at a time'));
  });

  it('its environment holds none of our secrets', async () => {
    rig.env['OPENAI_API_KEY'] = 'sk-secret-of-the-owner';
    process.env['VOICE_TEST_SECRET'] = 'sk-secret-of-the-process';
    rig.set({ transcription: { command: [rig.script('env', 'console.log(JSON.stringify(process.env))'), '{file}'] } });
    const heard = await hear();
    delete process.env['VOICE_TEST_SECRET'];
    expect(heard).toMatchObject({ ok: true, text: expect.stringContaining('PATH') });
    expect(JSON.stringify(heard)).not.toContain('secret');
  });

  it('notes about sounds are no words', async () => {
    for (const text of ['[BLANK_AUDIO]', ' (soft music) ', ' ♪ la la ♪ ', '...', '*coughs*']) {
      useLocal(writes(text));
      expect(await hear()).toMatchObject({ ok: false, code: 'silent' });
    }
    useLocal(writes(' [Music] Well,\n that is (I think) all.\u0007 '));
    expect(await hear()).toMatchObject({ ok: true, text: 'Well, that is (I think) all.' });
  });

  it.each([
    ['a command', '$(touch pwned); `touch pwned`.wav'],
    ['an option', '-f --help.wav'],
    ['quotes and line breaks', `a'b"c\n;d.wav`],
    ['another script', 'наговор 🎤 \u202ev.wav'],
    ['a playlist by its name', 'x.m3u8'],
  ])('a file name that is %s reaches no program', async (_what, name) => {
    const program = rig.script('show', 'console.log(process.argv.slice(2).join(" "))');
    rig.set({ transcription: { command: [program, '{file}', '{wav}'] } });
    const heard = await rig.transcriber.transcribe(rig.file(name, wav), never);
    expect(heard).toMatchObject({ text: expect.stringMatching(/recording\.wav \S+recording-16k\.wav$/) });
    expect(fs.readdirSync(rig.home)).not.toContain('pwned');
  });

  it('a command of the owner gets our own file name, even through a shell', async () => {
    const command = ['sh', '-c', 'echo heard {file}; wc -c < {wav}'];
    rig.set({ transcription: { command: command.map((word) => (word === 'sh' ? '/bin/sh' : word)) } });
    const file = rig.file('$(touch pwned).wav', wav);
    expect(await rig.transcriber.transcribe(file, never)).toMatchObject({ ok: true, engine: 'command' });
    expect(fs.existsSync(path.join(rig.home, 'pwned'))).toBe(false);
  });

  it('the next engine is tried when one fails, only in an order that is set', async () => {
    const command = [rig.script('works', 'console.log("from the command")'), '{file}'];
    const local = { program: rig.script('broken', 'process.exit(1)') };
    rig.set({ transcription: { engines: ['local', 'command'], local, command } });
    expect(await hear()).toMatchObject({ ok: true, text: 'from the command', engine: 'command' });
    rig.set({ transcription: { engines: ['command', 'local'], local, command } });
    expect(await hear()).toMatchObject({ engine: 'command' });
    rig.set({ transcription: { local } });
    expect(await hear()).toMatchObject({ ok: false, code: 'failed' });
  });

  it('with nothing set up the person is told how', async () => {
    fs.rmSync(path.join(rig.home, 'models'), { recursive: true });
    expect(await hear()).toMatchObject({
      code: 'not_set_up',
      message: expect.stringContaining('herald voice install'),
    });
    expect(await rig.transcriber.refuse({})).toMatchObject({ code: 'not_set_up' });
  });
});

async function seeFile(file: string): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
    if (text !== '') return Number(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${file} was not written`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A killed grandchild stays as a zombie until its new parent looks.
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
