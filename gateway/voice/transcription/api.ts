// Any OpenAI-compatible POST /audio/transcriptions: OpenAI, Groq, whisper-server, and many more.
import { openAsBlob } from 'node:fs';
import { promises as fs } from 'node:fs';
import { z } from 'zod';
import type { VoiceSettings } from '../../../config/voice.ts';
import { mimeOf, type AudioFormat } from '../audio/formats.ts';
import { callService, chooseService, type ServicePorts, type VoiceService } from '../services.ts';
import type { Engine, EngineResult, Recording, Work } from './engine.ts';

/** https://developers.openai.com/docs/guides/speech-to-text and https://console.groq.com/docs/speech-text (read 2026-11-21): 25 MB. */
const MAX_UPLOAD_BYTES = 25 * 1_000_000;
const MAX_ANSWER_BYTES = 2_000_000;

export interface ApiPorts extends ServicePorts {
  settings(): VoiceSettings;
  lookup(name: string): string | undefined;
}

const answerSchema = z.object({ text: z.string() });

export function makeApiEngine(ports: ApiPorts): Engine {
  const choose = () => chooseService('transcription', ports.settings().transcription.api, ports.lookup);
  return {
    name: 'api',
    async check() {
      const service = choose();
      if (service) return { ready: true, about: `${service.title} (${service.model})` };
      return {
        ready: false,
        about: 'no key of a transcription service',
        fix: 'Put OPENAI_API_KEY or GROQ_API_KEY into .env, or set voice.transcription.api.base_url.',
      };
    },
    async transcribe(work) {
      const service = choose();
      if (!service) return { ok: false, code: 'not_set_up', message: 'There is no key of a transcription service.' };
      return ask(ports, service, work);
    },
  };
}

async function ask(ports: ApiPorts, service: VoiceService, work: Work): Promise<EngineResult> {
  const { transcription } = ports.settings();
  const upload = await chooseUpload(work.recording);
  if (!upload)
    return {
      ok: false,
      code: 'failed',
      message: `The recording is too large for ${service.title}, or of a kind that it does not take.`,
    };
  // Its own name never leaves: services go by the ending, and people's file names are nobody's business.
  const blob = await openAsBlob(upload.file, { type: mimeOf(upload.format) });
  const answer = await callService(ports, {
    service,
    route: '/audio/transcriptions',
    body() {
      const form = new FormData();
      form.set('file', blob, `voice.${ENDINGS[upload.format]}`);
      form.set('model', service.model);
      form.set('response_format', 'json');
      if (transcription.language !== 'auto') form.set('language', transcription.language);
      return { content: form };
    },
    timeoutMs: transcription.timeout_s * 1_000,
    maxBytes: MAX_ANSWER_BYTES,
    signal: work.signal,
  });
  if (!answer.ok) return { ok: false, code: 'failed', message: answer.message, detail: answer.detail };
  return readAnswer(answer.body, service);
}

function readAnswer(body: Uint8Array, service: VoiceService): EngineResult {
  const text = Buffer.from(body).toString('utf8');
  try {
    return { ok: true, text: answerSchema.parse(JSON.parse(text)).text };
  } catch {
    // What it did say may be somebody's words, which no log holds.
    const message = `${service.title} gave no readable answer.`;
    return { ok: false, code: 'failed', message, detail: `${text.length} characters without a text` };
  }
}

const ENDINGS: Readonly<Record<AudioFormat, string>> = {
  ogg: 'ogg',
  mp3: 'mp3',
  wav: 'wav',
  flac: 'flac',
  mp4: 'm4a',
  webm: 'webm',
};

/** The file as it was sent when the services take its kind; else our WAV of it. */
async function chooseUpload({ file, bytes, format, wav }: Recording) {
  if (format !== undefined && bytes <= MAX_UPLOAD_BYTES) return { file, format };
  if (wav === undefined) return undefined;
  const { size } = await fs.stat(wav);
  return size <= MAX_UPLOAD_BYTES ? ({ file: wav, format: 'wav' } as const) : undefined;
}
