// Voice engines that do what a test says: what is heard depends on the file's content, what is said is written down.
import fs from 'node:fs';
import { voiceSection, type VoiceSettings } from '../../../config/voice.ts';
import { makePrograms } from '../../../gateway/voice/audio/programs.ts';
import type { Hearing, NotHeard } from '../../../gateway/voice/transcription/transcriber.ts';
import type { VoiceEngines } from '../../../gateway/voice/engines.ts';
import { abortReason } from '../../../shared/clock.ts';
import type { TestGateway } from '../gateway.ts';

export interface ScriptedVoice {
  engines: VoiceEngines;
  /** Contents of the files that were transcribed, in order. */
  heard: string[];
  /** Texts that were spoken, in order. */
  spoken: string[];
  /** What is heard in a file with this content; by default the content itself. */
  hear: (content: string, signal: AbortSignal) => Promise<Hearing> | Hearing;
  /** Default: a file with the text. */
  speak: (text: string, signal: AbortSignal) => Promise<string | undefined> | string | undefined;
  /** Before anything is fetched. */
  refusal: NotHeard | undefined;
  set(settings: unknown): void;
}

/** Rejects when `signal` aborts, never resolves. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(abortReason(signal)), { once: true }),
  );
}

export function makeScriptedVoice(): ScriptedVoice {
  let settings: VoiceSettings = voiceSection.parse({});
  const voice: ScriptedVoice = {
    heard: [],
    spoken: [],
    hear: (content) => ({ ok: true, text: content, engine: 'command' }),
    speak: () => undefined,
    refusal: undefined,
    set(next) {
      settings = voiceSection.parse(next);
    },
    engines: {
      settings: () => settings,
      programs: makePrograms('/nowhere'),
      transcriber: {
        async transcribe(file, signal) {
          const content = fs.readFileSync(file.path, 'utf8');
          voice.heard.push(content);
          return voice.hear(content, signal);
        },
        refuse: async () => voice.refusal,
        engines: async () => [],
        all: [],
      },
      speaker: {
        async speak(text, target, signal) {
          voice.spoken.push(text);
          const problem = await voice.speak(text, signal);
          if (problem !== undefined) return { ok: false, message: problem };
          fs.writeFileSync(target.file, `${target.format}: ${text}`);
          return { ok: true, bytes: fs.statSync(target.file).size };
        },
        engines: async () => [],
        all: [],
      },
    },
  };
  return voice;
}

/** Turns the clock and lets files be read and written until `check` holds. Throws when it never does. */
export async function settleUntil(gateway: TestGateway, check: () => boolean | Promise<boolean>): Promise<void> {
  for (let round = 0; round < 400; round++) {
    await gateway.clock.advance(50);
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  throw new Error('it never came to that');
}

/** Until every message has its end state and nothing is left to send. */
export async function settleAll(gateway: TestGateway): Promise<void> {
  await settleUntil(gateway, async () => {
    const { inbox, outbox } = await gateway.core.actions.status();
    const open = [inbox.received, inbox.queued, inbox.running, outbox.pending, outbox.sending];
    return open.every((count) => (count ?? 0) === 0);
  });
}
