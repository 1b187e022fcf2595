// The section `voice` of config.yaml: how voice messages become text, and answers speech.
import { z } from 'zod';

const webAddress = z
  .string()
  .refine(
    (text) => /^https?:\/\/[^\s/]/.test(text) && URL.canParse(text),
    'write a web address such as http://127.0.0.1:8080/v1',
  );

const program = (what: string) => z.string().trim().min(1).max(4096).optional().describe(what);

const keyNames = z
  .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'name environment variables, not keys'))
  .max(8)
  .optional()
  .describe(
    'Environment names that may hold the key. Default: none when base_url is set, else those of the known services.',
  );

const engineOrder = (what: string) =>
  z
    .array(z.enum(['local', 'api', 'command']))
    .max(3)
    .optional()
    .describe(what);

const command = (what: string, placeholders: readonly string[]) =>
  z
    .array(z.string().min(1).max(4096))
    .min(1)
    .max(64)
    .refine(
      (words) => words.some((word) => placeholders.some((one) => word.includes(one))),
      `one of its words must hold ${placeholders.join(' or ')}`,
    )
    .optional()
    .describe(what);

const transcription = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether voice messages are turned into text. Default true.'),
  engines: engineOrder(
    'Engines in the order in which they are tried: local, api, command. Default: the command when it is set, else the local engine when it has a model, else an api whose key or address is there; only that one.',
  ),
  language: z
    .string()
    .regex(/^(?:auto|[a-z]{2,3})$/, 'write auto or a code such as en or de')
    .default('auto')
    .describe('Language that is spoken, as a code of ISO 639, or auto. Default auto.'),
  max_minutes: z
    .number()
    .positive()
    .max(600)
    .default(20)
    .describe('Longest recording that is transcribed, in minutes. Default 20.'),
  max_mb: z
    .number()
    .positive()
    .max(2048)
    .default(25)
    .describe('Largest recording that is transcribed, in MB (1024 * 1024 bytes). Default 25.'),
  timeout_s: z
    .int()
    .min(5)
    .max(7200)
    .default(600)
    .describe('Longest work of one engine on one recording, in seconds. Default 600.'),
  audio_seconds: z
    .int()
    .min(0)
    .max(36_000)
    .default(120)
    .describe(
      'Audio files up to this length, in seconds, are transcribed as voice messages are; in a direct chat those without a caption always. Default 120.',
    ),
  local: z
    .strictObject({
      program: program(
        'whisper.cpp program. Default: the one that `herald voice install` built, else whisper-cli on PATH.',
      ),
      model: z
        .string()
        .trim()
        .min(1)
        .max(4096)
        .optional()
        .describe('Name of an installed model, or path of a ggml file. Default: the one that was installed last.'),
      threads: z
        .int()
        .min(1)
        .max(256)
        .optional()
        .describe('Threads. Default: all but one of the processors, at most 8.'),
    })
    .prefault({})
    .describe('whisper.cpp on this machine.'),
  api: z
    .strictObject({
      base_url: webAddress
        .optional()
        .describe('Address of an OpenAI-compatible server. Default: OpenAI or Groq, by key.'),
      model: z.string().min(1).max(256).optional().describe("Model. Default: the service's usual one, else whisper-1."),
      key_env: keyNames,
    })
    .prefault({})
    .describe('An OpenAI-compatible route /audio/transcriptions.'),
  command: command(
    'Program and arguments that print the text; {file} stands for the recording, {wav} for it as 16 kHz mono WAV. No shell. Default: none.',
    ['{file}', '{wav}'],
  ),
  models_url: webAddress
    .default('https://huggingface.co/ggerganov/whisper.cpp/resolve/main')
    .describe(
      'Where `herald voice install` gets models. Default https://huggingface.co/ggerganov/whisper.cpp/resolve/main.',
    ),
});

const speech = z.strictObject({
  engines: engineOrder(
    'Engines in the order in which they are tried: local, api, command. Default: the command when it is set, else piper when it has a model, else an api whose key or address is there, else espeak-ng; only that one.',
  ),
  max_chars: z
    .int()
    .min(50)
    .max(4000)
    .default(1200)
    .describe('Longest text that is spoken, in characters; the rest is in the text. Default 1200.'),
  timeout_s: z.int().min(5).max(600).default(60).describe('Longest work of one engine, in seconds. Default 60.'),
  local: z
    .strictObject({
      program: program('espeak-ng or piper. Default: as found on PATH.'),
      voice: z
        .string()
        .regex(/^[A-Za-z0-9+_-]{1,64}$/, 'write a voice such as en-us or de')
        .optional()
        .describe('Voice of espeak-ng. Default: transcription.language, else en.'),
      model: program('Path of the .onnx model for piper. Default: none, and then espeak-ng speaks.'),
    })
    .prefault({})
    .describe('A speech engine on this machine.'),
  api: z
    .strictObject({
      base_url: webAddress.optional().describe('Address of an OpenAI-compatible server. Default: OpenAI, by key.'),
      model: z.string().min(1).max(256).optional().describe("Model. Default: the service's usual one, else tts-1."),
      voice: z.string().min(1).max(256).default('alloy').describe('Voice. Default alloy.'),
      key_env: keyNames,
    })
    .prefault({})
    .describe('An OpenAI-compatible route /audio/speech.'),
  command: command(
    'Program and arguments that write the file {out} from the text file {text}. No shell. Default: none.',
    ['{out}'],
  ),
});

/** `voice`. */
export const voiceSection = z
  .strictObject({
    ffmpeg: program('ffmpeg, which converts audio. Default: as found on PATH.'),
    names: z
      .array(z.string().trim().min(2).max(64))
      .max(16)
      .default(['Herald'])
      .describe(
        'What Herald is called in spoken messages to groups; []: spoken messages there never name it. Default: [Herald].',
      ),
    transcription: transcription.prefault({}).describe('From voice to text.'),
    speech: speech.prefault({}).describe('From text to voice.'),
  })
  .prefault({})
  .describe('Voice messages, in and out.');

export type VoiceSettings = Readonly<z.output<typeof voiceSection>>;
