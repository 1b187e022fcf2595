// Any OpenAI-compatible POST /audio/speech.
import { promises as fs } from 'node:fs';
import path from 'node:path';
import type { VoiceSettings } from '../../../config/voice.ts';
import { callService, chooseService, type ServicePorts } from '../services.ts';
import type { SpeechEngine } from './engine.ts';

/** Ten minutes of uncompressed speech. */
const MAX_AUDIO_BYTES = 30_000_000;

export interface ApiSpeechPorts extends ServicePorts {
  settings(): VoiceSettings;
  lookup(name: string): string | undefined;
}

export function makeApiSpeech(ports: ApiSpeechPorts): SpeechEngine {
  const choose = () => chooseService('speech', ports.settings().speech.api, ports.lookup);
  return {
    name: 'api',
    async check() {
      const service = choose();
      if (service) return { ready: true, about: `${service.title} (${service.model})` };
      return {
        ready: false,
        about: 'no key of a speech service',
        fix: 'Put OPENAI_API_KEY into .env, or set voice.speech.api.base_url.',
      };
    },
    async speak({ text, format, folder, signal }) {
      const service = choose();
      if (!service) return { ok: false, message: 'There is no key of a speech service.' };
      const { speech } = ports.settings();
      const body = JSON.stringify({
        model: service.model,
        voice: speech.api.voice,
        input: text,
        // Opus comes in Ogg (https://developers.openai.com/docs/guides/text-to-speech, read 2026-11-21).
        response_format: format === 'voice' ? 'opus' : 'mp3',
      });
      const answer = await callService(ports, {
        service,
        route: '/audio/speech',
        body: () => ({ content: body, type: 'application/json' }),
        timeoutMs: speech.timeout_s * 1_000,
        maxBytes: MAX_AUDIO_BYTES,
        signal,
      });
      if (!answer.ok) return answer;
      const file = path.join(folder, 'spoken.audio');
      await fs.writeFile(file, answer.body, { mode: 0o600 });
      return { ok: true, file };
    },
  };
}
