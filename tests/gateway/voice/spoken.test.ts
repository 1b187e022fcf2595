// What was said by voice as a message: commands, our name, captions.
import { describe, expect, it } from 'vitest';
import type { InboxPayload } from '../../../data/inbox-payload.ts';
import { audibleIn, namesUs, spokenCommand, withVoice } from '../../../gateway/voice/spoken.ts';
import { cleanTranscript } from '../../../gateway/voice/transcription/transcript.ts';
import type { AttachmentRef } from '../../../shared/messages.ts';

const payload = (text: string): InboxPayload => ({
  text,
  attachments: [{ kind: 'voice', ref: 'r' }],
  senderName: 'Ann',
  sentAt: 0,
  addressed: true,
  bot: false,
});
const heard = (caption: string, text: string, by: 'voice' | 'audio' = 'voice') =>
  withVoice(payload(caption), { by, text }, ['Herald', 'Old Tom']).text;

describe('a spoken command', () => {
  it.each([
    ['Slash stop.', '/stop'],
    ['slash, Stop!', '/stop'],
    ['/stop', '/stop'],
    ['/ Stop.', '/stop'],
    ['Forward slash help', '/help'],
    ['forward-slash help?', '/help'],
    ['Slash who am I?', '/whoami'],
    ['slash queue interrupt.', '/queue interrupt'],
    ['Slash title My trip to Graz.', '/title My trip to Graz'],
    ['slash cancel', '/stop'],
    ['slash voice on', '/voice on'],
  ])('%s is %s', (said, command) => {
    expect(spokenCommand(said)).toBe(command);
  });

  it.each([
    ['Slash and burn farming is bad.'],
    ['Please stop.'],
    ['stop'],
    ['The path is slash stop'],
    ['slash'],
    ['slash stopping'],
    ['/etc/passwd'],
  ])('%s is text', (said) => {
    expect(spokenCommand(said)).toBeUndefined();
  });

  it('is one only in the own voice of the sender, without a caption', () => {
    expect(heard('', 'Slash stop.')).toBe('/stop');
    expect(heard('', 'Hey Herald, slash stop.')).toBe('/stop');
    expect(heard('', 'Old Tom: slash stop.')).toBe('/stop');
    expect(heard('', 'Harold, slash stop.')).toBe('[voice message] Harold, slash stop.');
    expect(heard('', 'Slash stop.', 'audio')).toBe('[words in an audio file, perhaps of somebody else] Slash stop.');
    expect(heard('listen', 'Slash stop.')).toBe('listen\n[voice message] Slash stop.');
    expect(heard('Forwarded from Eve:', 'Slash stop.')).toBe('Forwarded from Eve:\n[voice message] Slash stop.');
  });
});

describe('the text of a voice message', () => {
  it('says that it was heard, and what could not be', () => {
    expect(heard('', 'How are you?')).toBe('[voice message] How are you?');
    const failed = withVoice(payload(''), { by: 'voice', problem: 'It is too long.' }, []);
    expect(failed.text).toMatch(/^\[voice message, not transcribed; .*It is too long\. .*\]$/);
    const half = withVoice(payload(''), { by: 'voice', text: 'one', problem: 'It is too long.' }, []);
    expect(half.text).toBe('[voice message] one\n[voice message, another one, not transcribed: It is too long.]');
  });
});

describe('our name', () => {
  it.each([
    ['Hey Herald, what time is it?', true],
    ['HERALD!', true],
    ["herald's idea", true],
    ['the heraldry of Graz', false],
    ['Ask Old-Tom about it', true],
    ['old tommy', false],
    ['', false],
  ])('in “%s”: %s', (text, expected) => {
    expect(namesUs(text, ['Herald', 'Old Tom'])).toBe(expected);
  });

  it('accents and other scripts are words too', () => {
    expect(namesUs('Hé Zoë!', ['zoe'])).toBe(true);
    expect(namesUs('Привет, Гермес', ['гермес'])).toBe(true);
    expect(namesUs('anything', ['...'])).toBe(false);
  });
});

describe('what is heard', () => {
  const audio = (more: Partial<AttachmentRef>): AttachmentRef => ({ kind: 'audio', ref: 'r', ...more });
  const isHeard = (ref: AttachmentRef, text = '', isDm = true) =>
    audibleIn({ text, attachments: [ref] }, { isDm, audioSeconds: 120 }).length === 1;

  it('are voice messages, short audio, and audio without a word in a direct chat', () => {
    expect(isHeard({ kind: 'voice', ref: 'r', durationMs: 9e6 }, 'caption', false)).toBe(true);
    expect(isHeard(audio({ durationMs: 5_000 }), 'caption', false)).toBe(true);
    expect(isHeard(audio({ durationMs: 500_000 }), '', false)).toBe(false);
    expect(isHeard(audio({ durationMs: 500_000 }), ' ')).toBe(true);
    expect(isHeard(audio({}), 'my new song')).toBe(false);
    expect(isHeard(audio({}))).toBe(true);
    expect(isHeard({ kind: 'video', ref: 'r' })).toBe(false);
    expect(isHeard({ kind: 'document', ref: 'r', mime: 'audio/ogg' })).toBe(false);
  });
});

describe('a transcript', () => {
  it('has no control characters, no marks of the engine and a bounded length', () => {
    expect(cleanTranscript('\u0000 a\u202e\n\n b \ufffd [BLANK_AUDIO] ')).toBe('a b');
    expect(cleanTranscript('x'.repeat(400_000)).length).toBeLessThanOrEqual(150_000);
    expect(cleanTranscript(`${'['.repeat(50_000)}x`)).toContain('x');
  });
});
