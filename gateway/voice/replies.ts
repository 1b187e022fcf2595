// Answers as voice messages: a row of the outbox of its own, written in the same transaction as the text, after it. The speech is made
// just before that row is sent, so the text never waits for it, and a crash at any point makes or sends nothing twice.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { parseMarkdown } from '../../adapters/markdown.ts';
import type { Capabilities } from '../../adapters/capabilities.ts';
import type { VoiceSettings } from '../../config/voice.ts';
import { ensureDir, writeFileAtomic } from '../../data/files.ts';
import type { ChatSettings } from '../../data/process/chats.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import type { NewOutboxRow, OutboxRow } from '../../data/process/outbox.ts';
import { sha256Hex } from '../../shared/digest.ts';
import type { Clock } from '../../shared/clock.ts';
import type { PersonId, TurnId } from '../../shared/ids.ts';
import { isHeldUp } from '../../shared/held-up.ts';
import type { Logger } from '../../shared/log.ts';
import { addressKey, type Address, type StoredFile } from '../../shared/messages.ts';
import type { SpeechFormat } from './audio/convert.ts';
import type { Poster } from '../outbox.ts';
import { speakableText } from './speech/speakable.ts';
import type { Speaker } from './speech/speaker.ts';

export type VoiceMode = NonNullable<ChatSettings['voice']>;

export interface VoiceReplies {
  /**
   * Rows that say an answer aloud, for the transaction that writes its text; none when the chat did not ask for that, or nothing in it can
   * be said. Throws AppError `disk_full` or `home_unwritable`.
   */
  rows(answer: {
    /** Of the turn, or of whatever else is told; at most 40 ASCII characters. */
    key: string;
    to: Address;
    person: PersonId;
    turn?: TurnId | undefined;
    text: string;
    mode: VoiceMode | undefined;
    /** What is answered. */
    asked: readonly InboxRow[];
  }): readonly NewOutboxRow[];
  /**
   * A row as it can be sent: its speech is made when it is not there yet. 'drop': it cannot be made, and the chat was told · 'later':
   * `signal` aborted. Never rejects but with AppError when nothing can be stored.
   */
  prepare(row: OutboxRow, signal: AbortSignal): Promise<OutboxRow | 'drop' | 'later'>;
}

export interface VoiceRepliesPorts {
  home: string;
  clock: Clock;
  log: Logger;
  poster: Poster;
  speaker: Speaker;
  settings(): VoiceSettings;
  capabilities(at: Address): Capabilities;
}

/** Beside the audio file that is to be made of it. */
const TEXT_ENDING = '.txt';

/** For the prompt; the same for every turn of a chat, so that caches hold. */
export function voiceHint(mode: VoiceMode | undefined): string {
  if (mode === undefined || mode === 'off') return '';
  const when = mode === 'tts' ? 'Your answers here' : 'Your answers to voice messages here';
  return `${when} are also read aloud: keep them short and easy to follow by ear, unless more is asked for.`;
}

export function makeVoiceReplies(ports: VoiceRepliesPorts): VoiceReplies {
  function formatAt(at: Address): SpeechFormat | undefined {
    const { media } = ports.capabilities(at);
    if (media.voice.support === 'full') return 'voice';
    const takesAudio = media.audio.support === 'full' || media.audio.support === 'partial';
    return takesAudio && takes(media.audio.mime, 'audio/mpeg') ? 'file' : undefined;
  }

  return {
    rows({ key, to, person, turn, text, mode, asked }) {
      if (mode === undefined || mode === 'off') return [];
      if (mode === 'on' && !asked.some((row) => row.payload.voice?.by === 'voice')) return [];
      const format = formatAt(to);
      const spoken = speakableText(parseMarkdown(text), ports.settings().speech.max_chars);
      if (format === undefined || spoken === '') return [];
      const folder = path.join(ports.home, 'files');
      ensureDir(folder);
      const file = speechFile(path.join(folder, speechName(key)), format);
      writeFileAtomic(`${file.path}${TEXT_ENDING}`, spoken);
      return ports.poster.rows({
        key: `${key}.v`,
        to,
        // A notice: when it cannot be delivered, the text was, and that is no matter to worry people about.
        kind: 'notice',
        text: '',
        turn,
        person,
        files: [file],
        silent: true,
      });
    },
    async prepare(row, signal) {
      const [file] = row.files;
      if (!file || !isSpeech(row)) return row;
      const made = await fs.stat(file.path).catch(() => undefined);
      if (made) return withSize(row, file, made.size);
      const text = await fs.readFile(`${file.path}${TEXT_ENDING}`, 'utf8').catch(() => undefined);
      if (text === undefined) return 'drop';
      try {
        const format = file.kind === 'voice' ? 'voice' : 'file';
        const spoken = await ports.speaker.speak(text, { file: file.path, format }, signal);
        if (spoken.ok) {
          await fs.rm(`${file.path}${TEXT_ENDING}`, { force: true });
          return withSize(row, file, spoken.bytes);
        }
        await tellOnce(ports, row, spoken.message);
        return 'drop';
      } catch (error) {
        if (signal.aborted) return 'later';
        if (isHeldUp(error)) throw error;
        ports.log.error({ err: error, key: row.key }, 'a spoken answer is left out');
        return 'drop';
      }
    },
  };
}

/** Of the rows that this file makes. */
function isSpeech({ key, files: [file] }: OutboxRow): boolean {
  const of = /^(.+)\.v\.1$/.exec(key)?.[1];
  return of !== undefined && file !== undefined && path.parse(file.path).name === speechName(of);
}

function speechName(key: string): string {
  return `out-${key}.voice`;
}

function speechFile(base: string, format: SpeechFormat): StoredFile {
  if (format === 'voice')
    return { kind: 'voice', path: `${base}.ogg`, name: 'answer.ogg', mime: 'audio/ogg', bytes: 0 };
  return { kind: 'audio', path: `${base}.mp3`, name: 'answer.mp3', mime: 'audio/mpeg', bytes: 0 };
}

function withSize(row: OutboxRow, file: StoredFile, bytes: number): OutboxRow {
  return { ...row, files: [{ ...file, bytes }] };
}

/** Once a day and chat: somebody who talks by voice all day must not read the same complaint under every answer. */
async function tellOnce(ports: VoiceRepliesPorts, row: OutboxRow, problem: string): Promise<void> {
  const day = new Date(ports.clock.now()).toISOString().slice(0, 10);
  const chat = sha256Hex(addressKey(row.to), 24);
  await ports.poster.post(row.to, `I could not say that aloud. ${problem} \`/voice off\` ends spoken answers here.`, {
    key: `vx${day}-${chat}`,
    kind: 'notice',
    person: row.person,
  });
}

function takes(accepted: readonly string[], mime: string): boolean {
  return accepted.length === 0 || accepted.includes(mime) || accepted.includes('audio/*');
}
