// /voice: what it shows and settles.
import { beforeEach, describe, expect, it } from 'vitest';
import { getChat } from '../../../data/process/chats.ts';
import type { VoiceReport } from '../../../gateway/voice/report.ts';
import { dm, group, openBench, type Bench } from './command-bench.ts';

const NONE: VoiceReport = { enabled: true, transcription: [], speech: [], ffmpeg: undefined, names: [] };
const READY = { name: 'local', ready: true, used: true, about: 'espeak-ng *loud*' } as const;

let bench: Bench;
beforeEach(async () => {
  bench = await openBench();
});

describe('/voice', () => {
  it('shows the modes, the one in force and the engines, with buttons for the others', async () => {
    bench.gateway.voice = async () => ({ ...NONE, speech: [READY] });
    const ann = await bench.person('Ann', 'member');
    const shown = await bench.run(ann, dm(ann), '/voice');
    expect(shown.text).toMatch(/`off`.*← now/);
    expect(shown.text).toContain('I hear with: not set up');
    expect(shown.text).toContain('I speak with: espeak-ng \\*loud\\*');
    expect(shown.buttons?.flat().map((button) => button.data)).toEqual(['/voice on', '/voice tts']);
  });

  it('settles this chat alone, beside its other settings', async () => {
    const ann = await bench.person('Ann', 'member');
    await bench.run(ann, dm(ann), '/queue collect');
    expect((await bench.run(ann, dm(ann), '/voice TTS')).text).toContain('every answer');
    expect((await getChat(bench.db, dm(ann)))?.settings).toMatchObject({ voice: 'tts', queueMode: 'collect' });
    await bench.run(ann, dm(ann), '/voice off');
    expect((await getChat(bench.db, dm(ann)))?.settings.voice).toBe('off');
    expect((await getChat(bench.db, dm(ann, 'raven')))?.settings.voice).toBeUndefined();
  });

  it('says when there is nothing that could speak', async () => {
    bench.gateway.voice = async () => NONE;
    const ann = await bench.person('Ann', 'member');
    expect((await bench.run(ann, dm(ann), '/voice on')).text).toContain('no voice yet');
    bench.gateway.voice = async () => ({ ...NONE, speech: [READY] });
    expect((await bench.run(ann, dm(ann), '/voice on')).text).not.toContain('no voice yet');
  });

  it('in a group is for owners and admins; a wrong mode changes nothing', async () => {
    const ann = await bench.person('Ann', 'member');
    await expect(bench.run(ann, group(), '/voice on')).rejects.toMatchObject({ code: 'not_allowed' });
    await expect(bench.run(ann, dm(ann), '/voice loud')).rejects.toMatchObject({ code: 'bad_input' });
    const boss = await bench.person('Boss', 'owner');
    await bench.run(boss, group(), '/voice on');
    expect((await getChat(bench.db, group()))?.settings.voice).toBe('on');
  });
});
