// The command line as people run it: a child process with a home folder of its own and nothing of ours in its environment.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE, MAIN } from '../support/built.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 15_000;

export interface CliResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  home: string;
  env?: Record<string, string>;
  /** Standard input; it is closed at once when left out. */
  input?: string;
  /** Another file than the built one. */
  main?: string;
  /** Arguments of Node itself. */
  node?: readonly string[];
}

/** Environment of every run: bare, so that no key of the machine is found, and no local model server either. */
export function bareEnv(home: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    HERALD_HOME: home,
    OLLAMA_HOST: '127.0.0.1:9',
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    ...more,
  };
}

export function runCli(args: readonly string[], options: RunOptions): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...(options.node ?? []), options.main ?? MAIN, ...args], {
      env: bareEnv(options.home, options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(options.input ?? '');
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

export function makeTempHome(): string {
  return fs.mkdtempSync(path.join(os.tmpdir(), 'herald-cli-'));
}

export function removeHome(home: string): void {
  fs.rmSync(home, { recursive: true, force: true });
}
