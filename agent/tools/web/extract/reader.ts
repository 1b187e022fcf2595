// Reads pages in threads of their own, each for one page: at most two at a time, each with limits on time and memory, ended when done.
import { z } from 'zod';
import { moduleUrl } from '../../../../shared/installation.ts';
import type { Clock } from '../../../../shared/clock.ts';
import { AppError } from '../../../../shared/errors.ts';
import type { PageJob, PageText } from './job.ts';

export interface ReaderLimits {
  timeoutMs: number;
  /** Of the thread's heap. */
  heapMb: number;
  /** By how much the process may grow while a page is read: unpacked documents lie outside of heaps. */
  growthMb: number;
}

/** Rejects with AppError: `too_large` for what takes too much, `bad_input` for what cannot be read, `cancelled`. */
export type ReadPage = (job: PageJob, signal: AbortSignal) => Promise<PageText>;

const AT_ONCE = 2;
const WATCH_MS = 250;
const LIMITS: ReaderLimits = { timeoutMs: 20_000, heapMb: 512, growthMb: 1_024 };

export function makeReader(clock: Clock, limits: ReaderLimits = LIMITS): ReadPage {
  let running = 0;
  const waiting: (() => void)[] = [];

  return async (job, signal) => {
    signal.throwIfAborted();
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await readInThread(job, signal, { clock, limits });
    } finally {
      // The place goes to the next one, or is free.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}

// Importing a module of ours does nothing, so the thread begins with a line that calls it.
const BOOT = `const { parentPort, workerData } = require('node:worker_threads');
import(workerData.module)
  .then((module) => module.readJob(workerData.job))
  .then((page) => parentPort.postMessage(page));`;

const pageText = z.object({
  title: z.string().optional(),
  author: z.string().optional(),
  date: z.string().optional(),
  text: z.string(),
  note: z.string().optional(),
  links: z.array(z.object({ title: z.string(), url: z.string(), snippet: z.string() })).optional(),
});

async function readInThread(
  job: PageJob,
  signal: AbortSignal,
  { clock, limits }: { clock: Clock; limits: ReaderLimits },
): Promise<PageText> {
  signal.throwIfAborted();
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(BOOT, {
    eval: true,
    workerData: { module: moduleUrl('agent/tools/web/extract/worker').href, job },
    // Nothing of ours, which may hold keys.
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMb, stackSizeMb: 4 },
  });
  // Parsers complain about what they read; it is not kept.
  worker.stdout.resume();
  worker.stderr.resume();
  const before = process.memoryUsage.rss();
  const done = Promise.withResolvers<PageText>();
  worker.once('message', (value: unknown) => {
    const parsed = pageText.safeParse(value);
    if (parsed.success) done.resolve(parsed.data);
    else done.reject(unreadable(parsed.error));
  });
  worker.once('error', (error: unknown) => done.reject(isOutOfMemory(error) ? tooMuch('memory') : unreadable(error)));
  worker.once('exit', () => done.reject(unreadable(undefined)));
  const onAbort = () => done.reject(new AppError('cancelled', 'Stopped.'));
  signal.addEventListener('abort', onAbort, { once: true });
  const cancelTimer = clock.after(limits.timeoutMs, () => done.reject(tooMuch('time')));
  const watch = setInterval(() => {
    if (process.memoryUsage.rss() - before > limits.growthMb * 1024 * 1024) done.reject(tooMuch('memory'));
  }, WATCH_MS);
  try {
    return await done.promise;
  } finally {
    clearInterval(watch);
    cancelTimer();
    signal.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

function tooMuch(what: string): AppError {
  return new AppError('too_large', `Reading it takes too much ${what}. Nothing of it was kept.`);
}

function unreadable(cause: unknown): AppError {
  return new AppError('bad_input', 'It could not be read: it is damaged, locked, or not what it says it is.', {
    cause,
  });
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
