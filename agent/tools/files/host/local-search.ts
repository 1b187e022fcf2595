// Searching the files of this machine: by ripgrep when it is there, else by walking, with the regular expression in a thread of its own that
// is ended when it takes too long.
import { Worker } from 'node:worker_threads';
import fs from 'node:fs/promises';
import nodePath from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../../../shared/clock.ts';
import { isTimeout, withDeadline } from '../../../../shared/deadline.ts';
import { AppError } from '../../../../shared/errors.ts';
import { spawnChild } from '../../child.ts';
import { decodeText } from '../text-file.ts';
import { READ_FLAGS } from './anchored.ts';
import { makeGlob } from './glob.ts';
import type { SearchOutcome, SearchQuery } from './host.ts';
import { cutLine, makeCollector, makeLineReader, parseEvent, ripgrepOptions } from './ripgrep.ts';
import { walkTree } from './walk.ts';

export interface LocalSearchOptions {
  clock: Clock;
  /** Program to search with; looked for in the PATH of children. Default `rg`. */
  ripgrep?: string;
  /** Milliseconds that one search may take; what was found until then counts. Default 20,000. */
  searchMs?: number;
}

const SEARCH_MS = 20_000;
/** Of one file and one expression. */
const MATCH_MS = 2_000;
const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_STDERR_CHARS = 1_000;

export async function searchLocal(
  query: SearchQuery,
  options: LocalSearchOptions,
  signal: AbortSignal,
): Promise<SearchOutcome> {
  const collector = makeCollector(query);
  const notes: string[] = [];
  const deadline = { clock: options.clock, timeoutMs: options.searchMs ?? SEARCH_MS, parent: signal };
  try {
    await withDeadline(deadline, async (own) => {
      if (await searchWithRipgrep(query, { collector, program: options.ripgrep ?? 'rg', signal: own })) return;
      notes.push('ripgrep is not installed here: a slower search was used');
      await searchByWalking(query, { collector, notes, clock: options.clock, signal: own });
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!isTimeout(error)) throw error;
    notes.push('the search was stopped because it took too long: there may be more, narrow it');
  }
  return { hits: collector.hits, hasMore: collector.hasMore(), notes };
}

type Collector = ReturnType<typeof makeCollector>;

/** False: the program is not there. */
async function searchWithRipgrep(
  query: SearchQuery,
  work: { collector: Collector; program: string; signal: AbortSignal },
): Promise<boolean> {
  const stop = new AbortController();
  const onAbort = () => stop.abort(work.signal.reason);
  work.signal.addEventListener('abort', onAbort, { once: true });
  const fits = query.target === 'files' ? fileMatcher(query.pattern) : undefined;
  const add = (line: string): boolean => {
    const hit = fits === undefined ? parseEvent(line) : { path: line };
    if (hit === undefined || (fits && !fits(nodePath.relative(query.root, hit.path)))) return true;
    return work.collector.add(hit);
  };
  try {
    const reader = makeLineReader((line) => {
      const goesOn = add(line);
      if (!goesOn) stop.abort(new AppError('cancelled', 'Enough was found.'));
      return goesOn;
    });
    const folder = (await fs.stat(query.root)).isDirectory() ? query.root : nodePath.dirname(query.root);
    const { program } = work;
    const end = await runRipgrep(query, { program, folder, onOutput: reader.push, signal: stop.signal });
    work.signal.throwIfAborted();
    if (end === undefined) return false;
    reader.end();
    if (end.code === 2 && work.collector.hits.length === 0 && end.problem !== '')
      throw new AppError('bad_input', `The search was not understood: ${end.problem}`);
    return true;
  } finally {
    work.signal.removeEventListener('abort', onAbort);
    stop.abort(new AppError('cancelled', 'The search is over.'));
  }
}

/** Undefined: the program is not there. */
function runRipgrep(
  query: SearchQuery,
  run: { program: string; folder: string; onOutput(chunk: Uint8Array): void; signal: AbortSignal },
): Promise<{ code: number | null; problem: string } | undefined> {
  const pattern = query.target === 'content' ? [query.pattern] : [];
  return new Promise((resolve, reject) => {
    const child = spawnChild(
      run.program,
      [...ripgrepOptions(query), '--', ...pattern, query.root],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // Globs with a slash begin there.
        cwd: run.folder,
      },
      run.signal,
    );
    let problem = '';
    child.stdout?.on('data', run.onOutput);
    child.stderr?.on('data', (chunk: Uint8Array) => {
      if (problem.length < MAX_STDERR_CHARS) problem += Buffer.from(chunk).toString('utf8');
    });
    child.once('error', (error) => {
      if ('code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) resolve(undefined);
      else reject(error);
    });
    child.once('close', (code) => resolve({ code, problem: problem.trim().slice(0, MAX_STDERR_CHARS) }));
  });
}

/** For names of files: a glob, or part of the path when it has no wildcards. */
export function fileMatcher(pattern: string): (path: string) => boolean {
  if (/[*?[{]/.test(pattern)) return makeGlob(pattern);
  const part = pattern.toLowerCase();
  return (path) => path.toLowerCase().includes(part);
}

async function searchByWalking(
  query: SearchQuery,
  work: { collector: Collector; notes: string[]; clock: Clock; signal: AbortSignal },
): Promise<void> {
  const glob = query.glob === undefined ? () => true : makeGlob(query.glob);
  const fits = query.target === 'files' ? fileMatcher(query.pattern) : () => true;
  const matcher = query.target === 'content' ? openMatcher(query.pattern, work.clock) : undefined;
  try {
    for await (const path of filesOf(query.root, work.signal)) {
      const name = nodePath.relative(query.root, path) || nodePath.basename(path);
      if (!glob(name) || !fits(name) || !query.mayShow(path)) continue;
      if (matcher === undefined) {
        if (!work.collector.add({ path })) return;
        continue;
      }
      const text = await readText(path);
      if (text === undefined) continue;
      const lines = text.split('\n');
      const found = await matcher.match(lines, work.signal);
      if (found === undefined) {
        work.notes.push(`the expression took too long in ${name} and maybe others: simplify it`);
        return;
      }
      for (const hit of withContext(path, lines, { found, context: query.context }))
        if (!work.collector.add(hit)) return;
    }
  } finally {
    await matcher?.close();
  }
}

async function* filesOf(root: string, signal: AbortSignal): AsyncGenerator<string> {
  if ((await fs.lstat(root)).isFile()) {
    yield root;
    return;
  }
  for await (const entry of walkTree(root, signal)) if (entry.kind === 'file') yield nodePath.join(root, entry.path);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    const handle = await fs.open(path, READ_FLAGS);
    try {
      const stat = await handle.stat();
      if (!stat.isFile() || stat.size > MAX_FILE_BYTES) return undefined;
      return decodeText(await handle.readFile())?.text;
    } finally {
      await handle.close();
    }
  } catch {
    // Gone, or not ours to read: as ripgrep passes it over.
    return undefined;
  }
}

function* withContext(
  path: string,
  lines: readonly string[],
  { found, context }: { found: readonly number[]; context: number },
) {
  const hits = new Set(found);
  let next = 0;
  for (const at of found) {
    for (let i = Math.max(next, at - context); i <= Math.min(lines.length - 1, at + context); i++) {
      if (hits.has(i) && i !== at) break;
      yield { path, line: i + 1, text: cutLine(lines[i] ?? ''), isContext: i !== at };
      next = i + 1;
    }
  }
}

/** In the thread: nothing but matching. */
const MATCHER = `
const { parentPort, workerData } = require('node:worker_threads');
const regex = new RegExp(workerData.source, workerData.flags);
parentPort.on('message', (lines) => {
  const found = [];
  for (let i = 0; i < lines.length; i++) if (lines[i].length <= 20000 && regex.test(lines[i])) found.push(i);
  parentPort.postMessage(found);
});`;
const foundSchema = z.array(z.int());

/** `match` gives the indices of the lines that fit, or undefined when it took too long; then the matcher is at its end. */
function openMatcher(pattern: string, clock: Clock) {
  const workerData = compile(pattern);
  const worker = new Worker(MATCHER, {
    eval: true,
    workerData,
    env: {},
    resourceLimits: { maxOldGenerationSizeMb: 128 },
  });
  // A failure is told to whoever waits; without a listener it would end the process.
  worker.on('error', () => undefined);
  return {
    match: (lines: readonly string[], signal: AbortSignal): Promise<readonly number[] | undefined> =>
      withDeadline({ clock, timeoutMs: MATCH_MS, parent: signal }, (own) => {
        return new Promise((resolve, reject) => {
          const onAbort = () => {
            void worker.terminate();
            if (signal.aborted) reject(signal.reason);
            else resolve(undefined);
          };
          own.addEventListener('abort', onAbort, { once: true });
          const onEnd = (result: readonly number[] | undefined) => {
            own.removeEventListener('abort', onAbort);
            worker.removeAllListeners('message');
            resolve(result);
          };
          worker.once('message', (message: unknown) => onEnd(foundSchema.parse(message)));
          worker.once('exit', () => onEnd(undefined));
          worker.postMessage(lines);
        });
      }),
    close: async () => {
      await worker.terminate();
    },
  };
}

/** The pattern as JavaScript has it. Throws AppError `bad_input`. */
function compile(pattern: string): { source: string; flags: string } {
  const ignoresCase = pattern.startsWith('(?i)');
  const source = ignoresCase ? pattern.slice(4) : pattern;
  const flags = ignoresCase ? 'i' : '';
  for (const all of [`${flags}u`, flags]) {
    try {
      return { source: new RegExp(source, all).source, flags: all };
    } catch {
      // Once more without the stricter reading.
    }
  }
  throw new AppError('bad_input', 'The pattern is no valid regular expression. Nothing was searched.');
}
