// From answers to speech: what is said of a text, and the engines that say it.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseMarkdown } from '../../../adapters/markdown.ts';
import { isOpus, readFormat } from '../../../gateway/voice/audio/formats.ts';
import { speakableText } from '../../../gateway/voice/speech/speakable.ts';
import { programs } from '../../support/voice/engine.ts';
import { makeVoiceRig, type VoiceRig } from '../../support/voice/rig.ts';

const never = new AbortController().signal;
const say = (markdown: string, max = 1_200) => speakableText(parseMarkdown(markdown), max);

describe('what is said of an answer', () => {
  it('is its words, without markup, code, addresses and pictures', () => {
    const text = say(`
# The plan 🎉

Do **this** _now_, and ~~not~~ that: see [the manual](https://example.org/a?b=c) or https://www.example.com/x/y.

- first *thing*
- \`npm\` and \`a --b=c | d\`
  1. inner

> quoted words

\`\`\`sh
rm -rf /
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

---
![a cat](https://example.org/cat.png)
`);
    expect(text).toBe(
      'The plan. Do this now, and not that: see the manual or example.com. first thing. npm and. inner. quoted words. ' +
        'There is code in the text. There is a table in the text. a cat.',
    );
  });

  it.each([['```js\nalert(1)\n```'], ['🎉🎉'], [''], ['---'], ['`a=1;`']])('is nothing of %j', (markdown) => {
    expect(say(markdown)).toBe('');
  });

  it('is bounded after a sentence, and says that there is more', () => {
    const text = say(`${'This is a sentence. '.repeat(40)}`, 100);
    expect(text).toBe(`${'This is a sentence. '.repeat(5)}The rest is in the text.`);
    expect(say('x'.repeat(500), 100)).toBe(`${'x'.repeat(100)} The rest is in the text.`);
    expect(say('short.', 100)).toBe('short.');
  });

  it('keeps marks that a voice needs, in every script', () => {
    expect(say('Really?! Yes…')).toBe('Really?! Yes…');
    expect(say('你好。\n\n再见')).toBe('你好。 再见.');
    expect(say('It costs 5 € at 10:30')).toBe('It costs 5 € at 10:30.');
  });
});

describe('speech engines', () => {
  let rig: VoiceRig;
  beforeEach(() => {
    rig = makeVoiceRig();
  });
  afterEach(() => rig.close());

  const voice = () => ({ file: path.join(rig.home, 'out.ogg'), format: 'voice' }) as const;
  const espeak = programs.find(['espeak-ng']);
  const ffmpeg = programs.find(['ffmpeg']);

  it('espeak-ng speaks when nothing else is set up, as Opus or MP3', async ({ skip }) => {
    if (!(await espeak) || !(await ffmpeg)) skip('espeak-ng or ffmpeg is not installed');
    expect(await rig.speaker.speak('-w /etc/x; $(touch pwned) "hello"', voice(), never)).toMatchObject({ ok: true });
    expect(await isOpus(voice().file)).toBe(true);
    const file = { file: path.join(rig.home, 'out.mp3'), format: 'file' } as const;
    expect(await rig.speaker.speak('hello', file, never)).toMatchObject({ ok: true });
    expect(await readFormat(file.file)).toBe('mp3');
    expect(fs.readdirSync(rig.workDir)).toEqual([]);
  });

  it('a command writes the file', async ({ skip }) => {
    if (!(await ffmpeg)) skip('ffmpeg is not installed');
    const program = rig.script(
      'say',
      `const fs = require('node:fs');
       const [text, out] = process.argv.slice(2);
       fs.copyFileSync(${JSON.stringify(path.resolve('gateway/voice/sample.ogg'))}, out);
       fs.writeFileSync(${JSON.stringify(path.join(rig.home, 'said'))}, fs.readFileSync(text));`,
    );
    rig.set({ speech: { command: [program, '{text}', '{out}'] } });
    expect(await rig.speaker.speak('Grüß Gott.', voice(), never)).toMatchObject({ ok: true });
    expect(fs.readFileSync(path.join(rig.home, 'said'), 'utf8')).toBe('Grüß Gott.');
  });

  it('piper is asked with a model of its own, before any service', async ({ skip }) => {
    if (!(await ffmpeg)) skip('ffmpeg is not installed');
    const model = rig.file('voice.onnx', 'x').path;
    const program = rig.script(
      'piper',
      `let text = '';
       process.stdin.on('data', (part) => (text += part)).on('end', () => {
         const at = process.argv.indexOf('--output_file');
         if (process.argv[process.argv.indexOf('--model') + 1] !== ${JSON.stringify(model)} || text !== 'Two lines.\\n') process.exit(1);
         require('node:fs').copyFileSync(${JSON.stringify(path.resolve('gateway/voice/sample.ogg'))}, process.argv[at + 1]);
       });`,
    );
    rig.env['OPENAI_API_KEY'] = 'sk-0123456789';
    rig.set({ speech: { local: { program, model } } });
    expect((await rig.speaker.engines()).map((engine) => engine.name)).toEqual(['local']);
    expect(await rig.speaker.speak('Two\nlines.', voice(), never)).toMatchObject({ ok: true });
  });

  it.each([
    ['fails', 'process.exit(1)', 'failed'],
    ['writes nothing', '', 'went wrong'],
    ['writes no audio', `require('node:fs').writeFileSync(process.argv[3], 'no audio')`, 'no audio'],
  ])('a command that %s leaves no file and says so', async (_what, source, message) => {
    rig.set({ speech: { command: [rig.script('say', source), '{text}', '{out}'] } });
    expect(await rig.speaker.speak('x', voice(), never)).toMatchObject({
      ok: false,
      message: expect.stringContaining(message),
    });
    expect(fs.existsSync(voice().file)).toBe(false);
    expect(fs.readdirSync(rig.workDir)).toEqual([]);
  });

  it('the next engine is tried in an order that is set', async ({ skip }) => {
    if (!(await espeak) || !(await ffmpeg)) skip('espeak-ng or ffmpeg is not installed');
    const command = [rig.script('say', 'process.exit(1)'), '{text}', '{out}'];
    rig.set({ speech: { engines: ['command', 'local'], command } });
    expect(await rig.speaker.speak('hello', voice(), never)).toMatchObject({ ok: true });
  });

  it('with none, or without ffmpeg, the reason is told', async () => {
    rig.env['PATH'] = '/nowhere';
    rig.close();
    const bare = makeVoiceRig({ settings: { speech: { engines: [] } } });
    expect(await bare.speaker.speak('x', { file: '/nowhere', format: 'voice' }, never)).toMatchObject({
      ok: false,
      message: expect.stringContaining('no speech engine'),
    });
    const sample = path.resolve('gateway/voice/sample.ogg');
    const copy = bare.script('say', `require('node:fs').copyFileSync(${JSON.stringify(sample)}, process.argv[3])`);
    bare.set({ ffmpeg: '/nowhere', speech: { command: [copy, '{text}', '{out}'] } });
    const target = { file: path.join(bare.home, 'out.mp3'), format: 'file' } as const;
    expect(await bare.speaker.speak('x', target, never)).toMatchObject({ message: expect.stringContaining('ffmpeg') });
    // What is of the right kind already needs none.
    const asVoice = { file: path.join(bare.home, 'out.ogg'), format: 'voice' } as const;
    expect(await bare.speaker.speak('x', asVoice, never)).toMatchObject({ ok: true });
    bare.close();
  });
});
