// Speech from text and text from recordings, by the engines for voice messages.
import { z } from 'zod';
import { preview } from '../../../shared/text.ts';
import type { FileAccess } from '../files/access.ts';
import { defineTool, type Tool } from '../tool.ts';
import type { MediaPorts } from './ports.ts';

/** Above what voice.transcription.max_mb allows by default; the engines have the last word. */
const MAX_RECORDING_BYTES = 100 * 1024 * 1024;
const SPEAK_MS = 3 * 60_000;
const TRANSCRIBE_MS = 20 * 60_000;

export function makeSpeechTool({ speak }: Pick<MediaPorts, 'speak'>): Tool {
  return defineTool({
    name: 'text_to_speech',
    description: 'Say a text aloud: an audio file that the person gets with your answer.',
    parameters: z.strictObject({ text: z.string().trim().min(1).max(4_000) }),
    effect: 'idempotent',
    touches: [],
    timeoutMs: () => SPEAK_MS,
    origin: 'agent',
    toolset: 'media',
    isRare: true,
    available: () => speak !== undefined,
    summarize: ({ text }) => `saying "${preview(text, 60)}"`,
    async execute({ text }, { signal }) {
      if (!speak) return { text: 'Nothing here can speak.', isError: true };
      const file = await speak(text, signal);
      return { text: 'It is spoken; the person gets the audio file with your answer.', files: [file] };
    },
  });
}

export function makeTranscribeTool({ transcribe }: Pick<MediaPorts, 'transcribe'>, access: FileAccess): Tool {
  return defineTool({
    name: 'transcribe',
    description: 'The words of an audio or video file of the workspace as text.',
    parameters: z.strictObject({ path: z.string().trim().min(1).max(4_000) }),
    effect: 'pure',
    timeoutMs: () => TRANSCRIBE_MS,
    origin: 'foreign',
    toolset: 'media',
    isRare: true,
    available: () => transcribe !== undefined,
    summarize: ({ path }) => `listening to ${preview(path, 80)}`,
    assess: (args, at) => access.assess(args, [args.path], { at, verb: 'read' }),
    async execute(args, context) {
      if (!transcribe) return { text: 'Nothing here can hear recordings.', isError: true, origin: 'agent' };
      const recording = await access.use(context, async ({ host, find }) => {
        const file = await find(args.path, access.judged(args, args.path));
        const { bytes } = await host.read(file.real, MAX_RECORDING_BYTES, context.signal);
        return { name: file.real.slice(file.real.lastIndexOf('/') + 1), bytes };
      });
      return { text: await transcribe(recording, context.signal) };
    },
  });
}
