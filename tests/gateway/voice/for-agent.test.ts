// The voice engines as the agent's tools use them: files are made and gone, and what fails says why.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFileStore } from '../../../gateway/media/downloads.ts';
import { makeAgentVoice } from '../../../gateway/voice/for-agent.ts';
import { systemClock } from '../../../shared/clock.ts';
import { makeScriptedVoice } from '../../support/voice/scripted.ts';

let home = '';
beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-agent-voice-'));
});
afterEach(() => fs.rmSync(home, { recursive: true, force: true }));

const never = new AbortController().signal;

function open() {
  const scripted = makeScriptedVoice();
  const workDir = path.join(home, 'work');
  const files = makeFileStore({ home, clock: systemClock, maxBytes: 1_000_000 });
  const voice = makeAgentVoice({ engines: scripted.engines, files, workDir, clock: systemClock });
  return { scripted, voice, left: () => fs.readdirSync(workDir) };
}

it('speaks what can be said of a text, and keeps the file', async () => {
  const { scripted, voice, left } = open();
  const file = await voice.speak('**Good** morning', never);
  expect(scripted.spoken).toEqual(['Good morning.']);
  expect(file).toMatchObject({ kind: 'audio', mime: 'audio/mpeg', name: 'speech.mp3' });
  expect(path.dirname(file.path)).toBe(path.join(home, 'files'));
  expect(fs.readFileSync(file.path).length).toBe(file.bytes);
  expect(left()).toEqual([]);
});

it('hears a recording, and leaves nothing of it', async () => {
  const { scripted, voice, left } = open();
  const recording = { name: '../../memo.ogg', bytes: Buffer.from('buy milk') };
  expect(await voice.transcribe(recording, never)).toBe('buy milk');
  expect(scripted.heard).toEqual(['buy milk']);
  expect(left()).toEqual([]);
});

it('says what is wrong', async () => {
  const { scripted, voice, left } = open();
  scripted.speak = () => 'There is no speech engine here.';
  scripted.hear = () => ({ ok: false, code: 'silent', message: 'I could hear no words in it.' });
  await expect(voice.speak('hello', never)).rejects.toMatchObject({
    code: 'tool_unavailable',
    publicMessage: 'There is no speech engine here.',
  });
  await expect(voice.speak('---', never)).rejects.toMatchObject({ code: 'bad_input' });
  await expect(voice.transcribe({ name: 'x', bytes: Buffer.from('x') }, never)).rejects.toMatchObject({
    publicMessage: 'I could hear no words in it.',
  });
  expect(left()).toEqual([]);
});
