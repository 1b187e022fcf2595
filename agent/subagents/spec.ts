// What a worker is told, as it is stored with its task; and the kinds of workers that there are.
import { z } from 'zod';
import type { Origin } from '../../shared/messages.ts';

/** A named kind of worker. */
export interface Preset {
  description: string;
  /** Added to the worker's system prompt. */
  prompt: string;
  /** Names of tools and toolsets; undefined: all that the person has. */
  tools: readonly string[] | undefined;
  /** As "provider/model" or "model"; undefined: the configured one. */
  model: string | undefined;
}

export const BUILT_IN_PRESETS: Readonly<Record<string, Preset>> = {
  general: {
    description: 'any work',
    prompt: '',
    tools: undefined,
    model: undefined,
  },
  research: {
    description: 'reads web and files, changes nothing',
    prompt: 'Answer from sources that you have read, and name them.',
    tools: ['web_search', 'web_extract', 'browser', 'read_file', 'search_files', 'session_search', 'clock', 'board'],
    model: undefined,
  },
  review: {
    description: 'reads files and judges, changes nothing',
    prompt: 'Look for what is wrong or missing; name file and line; say what you did not look at.',
    tools: ['read_file', 'search_files', 'clock', 'board'],
    model: undefined,
  },
};

const specSchema = z.object({
  context: z.string(),
  /** The one who asked had read words of others. */
  tainted: z.boolean(),
  /** Of the preset, at the time. */
  prompt: z.string(),
  tools: z.array(z.string()).optional(),
  model: z.string().optional(),
  /** Names of the tools of the job that asked: its workers have no others. */
  within: z.array(z.string()).optional(),
});
export type TaskSpec = z.output<typeof specSchema>;

export const readSpec = (json: string): TaskSpec => specSchema.parse(JSON.parse(json));

/** What a worker came to. */
export interface TaskResult {
  text: string;
  origin: Origin;
}

const resultSchema = z.object({ text: z.string(), origin: z.enum(['owner', 'member', 'agent', 'foreign']) });

export const readResult = (json: string): TaskResult => resultSchema.parse(JSON.parse(json));
