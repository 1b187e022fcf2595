// How the process of a script is started: in the sandbox, with nothing of ours in its environment; JavaScript also without one, but then
// with no rights on this machine's files.
import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { bubblewrapArgs, isWithin, SANDBOX_HOME } from '../terminal/local/bubblewrap.ts';
import type { Sandbox } from '../terminal/local/probe.ts';
import { seatbeltProfile } from '../terminal/local/seatbelt.ts';
import { forkFilter } from './fork-filter.ts';
import { JAVASCRIPT_FRAME } from './javascript.ts';
import { PYTHON_FRAME } from './python.ts';

export type Language = 'javascript' | 'python';

export interface ScriptPlace {
  sandbox: Sandbox;
  /** Absolute, and there. */
  workspace: string;
  /** Folders that no script may see. */
  hidden: readonly string[];
  /** The program that runs JavaScript. */
  node: string;
  /** process.arch of it. */
  arch: string;
}

export interface ScriptLimits {
  memoryMb: number;
  cpuSeconds: number;
}

export interface ScriptPlan {
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** To be given on descriptor 4. */
  filter: Uint8Array | undefined;
}

const SEARCH = '/usr/local/bin:/usr/bin:/bin';
const INSIDE_NODE = '/herald/node';
/** What JavaScript reserves before it has done anything, and mostly never uses; it counts as data. */
const NODE_RESERVED_MB = 640;
/** 512-byte blocks: 100 MB for one file. */
const FILE_BLOCKS = 204_800;
const MAX_OPEN_FILES = 256;

/** Whether scripts are kept from the machine: only then what they do besides calling tools stays in the workspace. */
export function isFenced({ sandbox, arch }: Pick<ScriptPlace, 'sandbox' | 'arch'>): boolean {
  return sandbox.kind === 'seatbelt' || (sandbox.kind === 'bubblewrap' && forkFilter(arch) !== undefined);
}

/** Throws AppError `config_invalid` for a workspace that holds what scripts must not see, `tool_unavailable` for what cannot run here. */
export function planScript(language: Language, place: ScriptPlace, limits: ScriptLimits): ScriptPlan {
  refuseOpenWorkspace(place);
  const env = { PATH: SEARCH, LANG: 'C.UTF-8', TERM: 'dumb' };
  const { sandbox, workspace } = place;
  if (!isFenced(place)) {
    if (language === 'python')
      throw new AppError(
        'tool_unavailable',
        `Python runs in a sandbox only, and there is none here. ${sandbox.detail} JavaScript can be used. Nothing was run.`,
      );
    const command = [place.node, ...nodeArgs(limits, [])];
    return {
      program: '/bin/sh',
      args: limited(language, command, limits),
      env: { ...env, HOME: '/' },
      cwd: '/',
      filter: undefined,
    };
  }
  const program = language === 'python' ? findPython() : place.node;
  if (sandbox.kind === 'bubblewrap') {
    const command = language === 'python' ? [program, ...PYTHON_ARGS] : [INSIDE_NODE, ...nodeArgs(limits, ['*'])];
    return {
      program: 'bwrap',
      args: [
        ...bubblewrapArguments(place, sandbox.canForbidNamespaces),
        '/bin/sh',
        ...limited(language, command, limits),
      ],
      env: { ...env, HOME: SANDBOX_HOME },
      cwd: workspace,
      filter: forkFilter(place.arch),
    };
  }
  const command = language === 'python' ? [program, ...PYTHON_ARGS] : [program, ...nodeArgs(limits, ['*'])];
  return {
    program: 'sandbox-exec',
    args: ['-p', scriptProfile(place), '/bin/sh', ...limited(language, command, limits)],
    env: { ...env, HOME: workspace, TMPDIR: workspace },
    cwd: workspace,
    filter: undefined,
  };
}

/** No settings of the environment, no folders of the account, no files of compiled code, nothing held back in buffers. */
const PYTHON_ARGS: readonly string[] = ['-I', '-B', '-u', '-c', PYTHON_FRAME];

/** Never child processes, workers, add-ons or WASI. `files`: what may be read and written, where a sandbox decides which there are. */
function nodeArgs({ memoryMb }: ScriptLimits, files: readonly string[]): string[] {
  return [
    '--permission',
    ...files.flatMap((one) => [`--allow-fs-read=${one}`, `--allow-fs-write=${one}`]),
    `--max-old-space-size=${Math.floor(memoryMb / 2)}`,
    '--no-warnings',
    '-e',
    JAVASCRIPT_FRAME,
  ];
}

/** Arguments of sh that set limits and become `command`, without starting another process. */
function limited(language: Language, command: readonly string[], { memoryMb, cpuSeconds }: ScriptLimits): string[] {
  const dataMb = memoryMb + (language === 'javascript' ? NODE_RESERVED_MB : 0);
  const script = [
    `ulimit -d ${Math.ceil(dataMb * 1024)}`,
    `ulimit -t ${Math.ceil(cpuSeconds)}`,
    `ulimit -f ${FILE_BLOCKS}`,
    `ulimit -n ${MAX_OPEN_FILES}`,
    'ulimit -c 0',
    'exec "$@"',
  ].join('\n');
  return ['-c', script, 'sh', ...command];
}

/** Home and temporary files are memory of this one run. */
function bubblewrapArguments({ workspace, hidden, node }: ScriptPlace, canForbidNamespaces: boolean): string[] {
  const plan = { workspace, stateDir: workspace, tmp: undefined, home: undefined, hidden, network: false };
  return [
    '--seccomp',
    '4',
    '--ro-bind',
    node,
    INSIDE_NODE,
    ...bubblewrapArgs({ ...plan, endsWithUs: true, canForbidNamespaces }),
  ];
}

/** As for commands, but for this one process without any network. The last rule that fits wins. */
export function scriptProfile({ workspace, hidden, node }: ScriptPlace): string {
  const own = { workspace, stateDir: workspace, tmp: workspace, home: workspace };
  return [
    seatbeltProfile({ ...own, hidden, network: false }).trimEnd(),
    `(allow file-read* (literal "${node.replace(/["\\]/g, String.raw`\$&`)}"))`,
    '(deny network*)',
    '(deny process-fork)',
    '',
  ].join('\n');
}

function findPython(): string {
  const found = SEARCH.split(':')
    .map((folder) => path.join(folder, 'python3'))
    .find((file) => fs.existsSync(file));
  if (found === undefined)
    throw new AppError(
      'tool_unavailable',
      `There is no python3 in ${SEARCH}. JavaScript can be used. Nothing was run.`,
    );
  return found;
}

/** A script could rename the folders above an empty one that stands for a hidden one: see the local backend. */
function refuseOpenWorkspace({ workspace, hidden }: ScriptPlace): void {
  const shown = hidden.find((folder) => folder === workspace || isWithin(folder, workspace));
  if (shown !== undefined)
    throw new AppError(
      'config_invalid',
      `The workspace ${workspace} holds ${shown}, which scripts must not see. Nothing was run; choose another folder.`,
    );
}
