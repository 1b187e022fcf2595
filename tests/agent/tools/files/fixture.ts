// A workspace in a folder of Herald's own, the four tools over it, and calls that go the way of the dispatcher: judged, then run.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openCheckpoints, type Checkpoints } from '../../../../agent/checkpoints/checkpoints.ts';
import type { Machine } from '../../../../agent/terminal/machine.ts';
import { spawnChild } from '../../../../agent/tools/child.ts';
import type { FileToolsDeps } from '../../../../agent/tools/files/access.ts';
import { makeFileTools } from '../../../../agent/tools/files/file-tools.ts';
import type { Assessment, Tool, ToolContext, ToolResult } from '../../../../agent/tools/tool.ts';
import { systemClock } from '../../../../shared/clock.ts';
import { AppError } from '../../../../shared/errors.ts';
import { sessionId, spaceId, turnId } from '../../../../shared/ids.ts';
import { silentLog } from '../../../../shared/log.ts';

export const SPACE = spaceId('p:ann');
export const TURN = turnId('turn-1');

export interface Bench {
  root: string;
  home: string;
  userHome: string;
  workspace: string;
  checkpoints: Checkpoints;
  tools: readonly Tool[];
  /** Absolute path in the workspace. */
  at(name: string): string;
  put(name: string, content: string | Uint8Array): string;
  get(name: string): string;
  assess(name: string, args: object): Assessment;
  /** Judged first, and run only when nothing forbids it. `between`: what happens after the decision. */
  call(name: string, args: object, extra?: Partial<ToolContext>, between?: () => void): Promise<ToolResult>;
  close(): void;
}

export function makeBench(deps: Partial<FileToolsDeps> = {}): Bench {
  const root = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'herald-files-')));
  const home = path.join(root, 'herald');
  const userHome = path.join(root, 'user');
  const workspace = path.join(home, 'workspaces', 'p:ann');
  mkdirSync(workspace, { recursive: true });
  mkdirSync(userHome);
  const checkpoints = openCheckpoints({ dir: path.join(home, 'checkpoints'), clock: systemClock, log: silentLog });
  const tools = makeFileTools({ home, userHome, clock: systemClock, checkpoints, ...deps });
  const at = (name: string) => path.join(workspace, name);
  const prepare = (name: string, args: object) => {
    const prepared = tools.find((tool) => tool.name === name)?.prepare(args);
    if (!prepared?.ok) throw new Error(prepared?.problem ?? `no tool ${name}`);
    return prepared.call;
  };
  const place = { role: 'owner', address: {}, workspace } as never;
  return {
    root,
    home,
    userHome,
    workspace,
    checkpoints,
    tools,
    at,
    put(name, content) {
      mkdirSync(path.dirname(at(name)), { recursive: true });
      writeFileSync(at(name), content);
      return at(name);
    },
    get: (name) => readFileSync(at(name), 'utf8'),
    assess: (name, args) => prepare(name, args).assess(place),
    async call(name, args, extra = {}, between = () => undefined) {
      const call = prepare(name, args);
      const { forbidden } = call.assess(place);
      if (forbidden !== undefined) return { text: `forbidden: ${forbidden}`, isError: true };
      between();
      try {
        return await call.execute(makeContext(workspace, extra));
      } catch (error) {
        if (error instanceof AppError) return { text: `${error.code}: ${error.publicMessage}`, isError: true };
        throw error;
      }
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** What the tools of files look at, and nothing else. */
export function makeContext(workspace: string, extra: Partial<ToolContext> = {}): ToolContext {
  const { signal } = new AbortController();
  const context: Partial<ToolContext> = {
    clock: systemClock,
    scope: { person: 'ann', space: SPACE } as never,
    session: sessionId('s1'),
    turn: TURN,
    workspace,
    signal,
    spawn: (command, args, options = {}) => spawnChild(command, args, options, signal),
    ...extra,
  };
  return context as ToolContext;
}

/** A machine that is this one, over a shell. */
export function makeShellMachine(workspace: string, options: { path?: string } = {}): Machine {
  return {
    backend: 'shell',
    isolation: { files: false, network: 'always' },
    workspace,
    stateDir: path.join(workspace, '.state'),
    exec: ({ script, stdin, onOutput, signal }) =>
      new Promise((resolve, reject) => {
        const env = { PATH: options.path ?? '/usr/local/bin:/usr/bin:/bin' };
        const child = spawn('/bin/sh', ['-c', script], { env, signal, cwd: '/' });
        child.stdout.on('data', onOutput ?? (() => undefined));
        child.stderr.on('data', onOutput ?? (() => undefined));
        child.stdin.on('error', () => undefined);
        child.stdin.end(stdin);
        child.once('error', reject);
        child.once('close', (code) => resolve({ code: code ?? 128 }));
      }),
    async put(file, bytes) {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(`${file}.new`, bytes);
      chmodSync(`${file}.new`, 0o600);
      renameSync(`${file}.new`, file);
    },
    async get(file, maxBytes) {
      const bytes = readFileSync(file);
      if (bytes.length > maxBytes) throw new AppError('too_large', 'too large');
      return bytes;
    },
    destroy: async () => undefined,
    close: async () => undefined,
  };
}

/** Whether a program can be started. */
export function hasProgram(name: string, args: readonly string[] = ['--version']): boolean {
  try {
    execFileSync(name, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
