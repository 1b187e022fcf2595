// Which sandbox works on this machine: found out by running something in it, once.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bubblewrapArgs } from './bubblewrap.ts';
import { seatbeltProfile } from './seatbelt.ts';

export type Sandbox =
  | { kind: 'bubblewrap'; canForbidNamespaces: boolean; detail: string }
  | { kind: 'seatbelt'; detail: string }
  | { kind: 'none'; detail: string };

const PROBE_MS = 5_000;
const UNSAFE = 'Commands run WITHOUT a sandbox: they can read and change what your account can, and reach the network.';

export interface ProbeAt {
  platform: NodeJS.Platform;
  /** Where programs are looked for. */
  path: string;
  signal?: AbortSignal | undefined;
}

/** Never rejects. */
export async function probeSandbox(at: ProbeAt): Promise<Sandbox> {
  if (at.platform === 'linux') return probeBubblewrap(at);
  if (at.platform === 'darwin') return probeSeatbelt(at);
  return { kind: 'none', detail: `${UNSAFE} There is no sandbox for ${at.platform} yet.` };
}

async function probeBubblewrap(at: ProbeAt): Promise<Sandbox> {
  let why = '';
  for (const canForbidNamespaces of [true, false]) {
    const problem = await inScratch((folder) => {
      const plan = { workspace: folder, stateDir: folder, tmp: folder, home: folder, hidden: [], network: false };
      return run('bwrap', [...bubblewrapArgs({ ...plan, endsWithUs: true, canForbidNamespaces }), 'sh', '-c', ':'], at);
    });
    if (problem === undefined)
      return {
        kind: 'bubblewrap',
        canForbidNamespaces,
        detail:
          'Commands run in a sandbox (bubblewrap): they see the workspace only, and the network only when allowed.',
      };
    why = problem;
    if (problem.includes('ENOENT')) break;
  }
  return { kind: 'none', detail: `${UNSAFE} ${explainBubblewrap(why)}` };
}

function explainBubblewrap(problem: string): string {
  if (problem.includes('ENOENT')) return 'Install bubblewrap (the program bwrap) to have one.';
  const words = problem.replace(/\s+/g, ' ').trim().slice(0, 200);
  if (/permission denied|not permitted|uid map|namespace/i.test(problem))
    return `bubblewrap is there, but the system does not let it make namespaces (${words}). Allow unprivileged user namespaces, or an AppArmor profile for bwrap.`;
  return `bubblewrap is there, but does not work (${words}).`;
}

async function probeSeatbelt(at: ProbeAt): Promise<Sandbox> {
  const problem = await inScratch((folder) => {
    const profile = seatbeltProfile({
      workspace: folder,
      stateDir: folder,
      tmp: folder,
      home: folder,
      hidden: [],
      network: false,
    });
    return run('sandbox-exec', ['-p', profile, '/bin/sh', '-c', ':'], at);
  });
  if (problem !== undefined) return { kind: 'none', detail: `${UNSAFE} sandbox-exec does not work here.` };
  return {
    kind: 'seatbelt',
    detail:
      'Commands run in a sandbox (seatbelt): they change the workspace only, and reach the network only when allowed.',
  };
}

async function inScratch(work: (folder: string) => Promise<string | undefined>): Promise<string | undefined> {
  let folder: string | undefined;
  try {
    folder = await fs.promises.realpath(await fs.promises.mkdtemp(path.join(os.tmpdir(), 'herald-probe-')));
    return await work(folder);
  } catch (error) {
    return String(error);
  } finally {
    if (folder !== undefined) await fs.promises.rm(folder, { recursive: true, force: true });
  }
}

/** What went wrong, or undefined. */
function run(program: string, args: readonly string[], { path: search, signal }: ProbeAt): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { env: { PATH: search }, timeout: PROBE_MS, ...(signal === undefined ? {} : { signal }) };
    execFile(program, args, options, (error, _out, complaint) =>
      resolve(error === null ? undefined : `${complaint} ${error.message.includes('ENOENT') ? 'ENOENT' : 'failed'}`),
    );
  });
}
