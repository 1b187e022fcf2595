// ByteRover is a program, `brv`: https://docs.byterover.dev/reference/cli-reference.md and github.com/campfirein/byterover-cli
// src/oclif/commands/{query,curate/index}.ts at 651beee and 2df0c85, read 2026-11-21. Each subject has a folder of its own, which is its
// project. Older versions file a text by themselves; newer ones ask for the page to be written, and get one with the text as a fact.
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../../shared/digest.ts';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import { escapeHtml, preview } from '../../../shared/text.ts';
import { untilAborted } from '../../abort.ts';
import { BARE_ENV, spawnChild } from '../../tools/child.ts';
import type { MemoryProvider } from './provider.ts';

export interface ByteRoverInput {
  /** Path of `brv`, or its name. */
  program: string;
  /** Folder of the folders of subjects. */
  dir: string;
  /** Where programs are, and the home in which `brv` keeps its login. */
  env: { PATH: string; HOME: string };
  clock: Clock;
}

/** Writing may take a model's time. */
const TIMEOUT_MS = 120_000;
const MAX_OUTPUT = 1024 * 1024;
/** One argument of a command can have 128 KB. */
const TEXT_CHARS = 8_000;

const envelope = z.object({
  success: z.boolean(),
  data: z.looseObject({
    result: z.string().nullish(),
    content: z.string().nullish(),
    status: z.string().nullish(),
    sessionId: z.string().nullish(),
    step: z.string().nullish(),
  }),
});
type Envelope = z.output<typeof envelope>;

export function makeByteRover(input: ByteRoverInput): MemoryProvider {
  async function run(subject: string, args: readonly string[], parent: AbortSignal): Promise<readonly Envelope[]> {
    const cwd = path.join(input.dir, subject);
    await mkdir(cwd, { recursive: true, mode: 0o700 });
    try {
      const { clock } = input;
      const output = await withDeadline({ clock, timeoutMs: TIMEOUT_MS, parent }, (signal) =>
        untilAborted(runProgram(input, args, { cwd, signal }), signal),
      );
      return readEnvelopes(output);
    } catch (error) {
      if (parent.aborted) throw new AppError('cancelled', 'Stopped.', { cause: error });
      if (error instanceof AppError && error.code !== 'cancelled') throw error;
      throw new AppError('timeout', 'ByteRover did not answer in time.', { retryable: true, cause: error });
    }
  }

  async function curate(subject: string, text: string, signal: AbortSignal): Promise<void> {
    const content = plain(text);
    if (content === '') return;
    const given = (await run(subject, ['curate', '--format', 'json', '--', content], signal)).at(-1);
    const { sessionId, status, step } = given?.data ?? {};
    if (status !== 'needs-llm-step' || typeof sessionId !== 'string' || step !== 'generate-html') return;
    // The continuation is `--response=…`: a text that begins with a dash is no option then.
    const answer = ['curate', '--session', sessionId, `--response=${pageOf(content)}`, '--format', 'json'];
    const ended = (await run(subject, answer, signal)).at(-1);
    if (ended?.data.status !== 'done')
      throw new AppError('platform_unreachable', 'ByteRover did not take what it was told.');
  }

  return {
    title: 'ByteRover',
    async recall({ subject, text, limit, signal }) {
      const question = plain(text);
      if (question === '') return [];
      const answers = await run(subject, ['query', '--format', 'json', '--', question], signal);
      const said = answers.findLast(({ data }) => typeof data.result === 'string')?.data.result ?? '';
      return said
        .split(/\n+/)
        .map((line) => line.trim())
        .filter((line) => line !== '')
        .slice(0, Math.max(limit, 1) * 4);
    },
    noteTurn: ({ subject, messages }, signal) =>
      curate(subject, messages.map(({ role, text }) => `${role}: ${text}`).join('\n'), signal),
    noteMemory: ({ subject, text }, signal) => curate(subject, text, signal),
    async forgetAll(subject) {
      // All that is known of a subject is in its folder; nothing is pushed anywhere.
      const folder = path.join(input.dir, subject);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
        const message = `ByteRover's folder ${folder} could not be deleted.`;
        throw new AppError('home_unwritable', message, { retryable: true, cause: error });
      });
    },
    async check(signal) {
      await run('check', ['status', '--format', 'json'], signal);
    },
  };
}

function runProgram(
  { program, env }: ByteRoverInput,
  args: readonly string[],
  { cwd, signal }: { cwd: string; signal: AbortSignal },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawnChild(
      program,
      args,
      { cwd, env: { ...BARE_ENV, ...env }, stdio: ['ignore', 'pipe', 'ignore'] },
      signal,
    );
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_OUTPUT) chunks.push(chunk);
    });
    child.once('error', (cause) =>
      reject(
        new AppError('tool_unavailable', 'ByteRover needs the program brv (npm install -g byterover-cli).', { cause }),
      ),
    );
    child.once('close', (code) => {
      if (size > MAX_OUTPUT) reject(new AppError('too_large', 'ByteRover answered with more than Herald reads.'));
      else if (code === 0) resolve(Buffer.concat(chunks).toString('utf8'));
      else
        reject(
          new AppError('platform_unreachable', `ByteRover ended with code ${code ?? 'none'}.`, { retryable: true }),
        );
    });
  });
}

/** One JSON object per line, or one over many lines. Throws AppError when it is neither, or says that it failed. */
function readEnvelopes(output: string): readonly Envelope[] {
  const texts = output.trim().startsWith('{\n') ? [output] : output.split('\n');
  const read = texts.flatMap((text) => {
    try {
      const parsed = envelope.safeParse(JSON.parse(text));
      return parsed.success ? [parsed.data] : [];
    } catch {
      // Lines for people stand between those for programs.
      return [];
    }
  });
  const last = read.at(-1);
  if (!last) throw new AppError('platform_unreachable', 'ByteRover answered in a form that Herald does not know.');
  if (last.success) return read;
  const cause = new Error(preview(JSON.stringify(last.data), 300));
  throw new AppError('platform_unreachable', 'ByteRover says that it failed; see `brv status`.', { cause });
}

function plain(text: string): string {
  return text.replaceAll('\u0000', '').slice(0, TEXT_CHARS).toWellFormed().trim();
}

/** A page of the context tree (src/server/infra/render of byterover-cli): its path is made of its text, so the same text is one page. */
function pageOf(text: string): string {
  const digest = sha256Hex(text, 16);
  const title = escapeHtml(preview(text, 80));
  return `<bv-topic path="conversations/t_${digest}" title="${title}"><bv-fact>${escapeHtml(text)}</bv-fact></bv-topic>`;
}
