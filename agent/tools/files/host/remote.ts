// Files of the machine that commands run on, when that is another one. The scripts are constant and are POSIX sh; names, patterns and
// numbers come over standard input, a line each, and are only ever used as quoted variables.
import nodePath from 'node:path';
import { AppError } from '../../../../shared/errors.ts';
import type { Machine } from '../../../terminal/machine.ts';
import type { RealPath } from '../paths.ts';
import {
  isSameFile,
  type FileHost,
  type FileStat,
  type ListEntry,
  type SearchOutcome,
  type SearchQuery,
} from './host.ts';
import { fileMatcher } from './local-search.ts';
import { makeGlob } from './glob.ts';
import { cutLine, makeCollector, makeLineReader, parseEvent, ripgrepOptions } from './ripgrep.ts';

const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** The deepest part that exists is resolved, the rest kept. `pwd -P` and `readlink -f` are on every Unix that has a shell. */
const RESOLVE = `exec 2>/dev/null
IFS= read -r p; rest=
while [ ! -e "$p" ] && [ ! -L "$p" ] && [ "$p" != / ]; do rest="/\${p##*/}$rest"; p=\${p%/*}; [ -n "$p" ] || p=/; done
if [ -L "$p" ] && [ ! -e "$p" ]; then printf 'dangling\\n%s\\n' "$p$rest"; exit 0; fi
if [ -d "$p" ]; then real=$(CDPATH= cd -P -- "$p" && pwd -P) || exit 3; else real=$(readlink -f -- "$p") || exit 3; fi
[ "$real" = / ] && real=
[ -n "$real$rest" ] || real=/
printf 'real\\n%s\\n' "$real$rest"`;

/** GNU and busybox first, BSD after: kind, bytes, blocks of 512, seconds, permission bits. */
const STAT = `exec 2>/dev/null
IFS= read -r p
[ -e "$p" ] || [ -L "$p" ] || exit 4
if [ -L "$p" ]; then kind=link; elif [ -f "$p" ]; then kind=file; elif [ -d "$p" ]; then kind=folder; else kind=other; fi
numbers=$(stat -c '%s %b %Y %a' -- "$p" 2>/dev/null || stat -f '%z %b %m %Lp' -- "$p") || exit 3
printf '%s %s\\n' "$kind" "$numbers"`;

const START = `exec 2>/dev/null
IFS= read -r p; IFS= read -r n; [ -f "$p" ] || exit 4; head -c "$n" -- "$p"`;
const MODE = `exec 2>/dev/null
IFS= read -r p; IFS= read -r mode; chmod "$mode" -- "$p"`;
const REMOVE = `exec 2>/dev/null
IFS= read -r p; rm -f -- "$p"`;
const LIST = `exec 2>/dev/null
IFS= read -r p; IFS= read -r max; cd -- "$p" || exit 4
{ for f in * .[!.]* ..?*; do
  [ -e "$f" ] || [ -L "$f" ] || continue
  if [ -L "$f" ]; then kind=link; elif [ -f "$f" ]; then kind=file; elif [ -d "$f" ]; then kind=folder; else kind=other; fi
  printf '%s %s\\n' "$kind" "$f"
done; } | head -n "$max"`;
/** The options of ripgrep are ours and hold no word of others but the glob; each is a line. 127: it is not there. */
const RIPGREP = `command -v rg >/dev/null 2>&1 || exit 127
IFS= read -r root; IFS= read -r pattern; IFS= read -r target; IFS= read -r most
set --
while IFS= read -r option; do set -- "$@" "$option"; done
if [ -d "$root" ]; then cd -- "$root" || exit 4; fi
if [ "$target" = files ]; then rg "$@" -- "$root" 2>/dev/null; else rg "$@" -- "$pattern" "$root" 2>&1; fi | head -c "$most"`;
/** 5: the pattern is none. */
const GREP = `exec 2>/dev/null
IFS= read -r root; IFS= read -r pattern; IFS= read -r target; IFS= read -r most
[ "$target" = files ] || { printf '' | grep -E -e "$pattern"; [ $? -lt 2 ] || exit 5; }
if [ "$target" = files ]; then find "$root" -name .git -prune -o -type f -print
else find "$root" -name .git -prune -o -type f -exec grep -nEI -e "$pattern" /dev/null {} +; fi | head -c "$most"`;

export function makeRemoteHost(machine: Machine): FileHost {
  const stat = (path: string, signal: AbortSignal) => statRemote(machine, path, signal);
  return {
    isLocal: false,
    resolve: (path, signal) => resolveRemote(machine, path, signal),
    stat,
    async read(path, maxBytes, signal) {
      const before = await requireFile(machine, path, signal);
      if (before.size > maxBytes)
        throw new AppError('too_large', `${path} has ${before.size} bytes; at most ${maxBytes} are read.`);
      return { bytes: await machine.get(path, maxBytes, signal), stat: before };
    },
    async readStart(path, bytes, signal) {
      await requireFile(machine, path, signal);
      return (await runScript(machine, { script: START, lines: [path, String(bytes)], signal })).output;
    },
    async write(path, { bytes, expected, mode }, signal) {
      const before = await refuseChanged(machine, { path, expected }, signal);
      await machine.put(path, bytes, signal);
      const bits = before?.mode ?? mode;
      if (bits !== undefined) await runScript(machine, { script: MODE, lines: [path, bits.toString(8)], signal });
    },
    async remove(path, expected, signal) {
      await refuseChanged(machine, { path, expected }, signal);
      await runScript(machine, { script: REMOVE, lines: [path], signal });
    },
    list: (path, max, signal) => listRemote(machine, { path, max }, signal),
    search: (query, signal) => searchRemote(machine, query, signal),
  };
}

interface ScriptRun {
  script: string;
  lines: readonly string[];
  signal: AbortSignal;
  /** Codes that are answers, beside 0. */
  codes?: readonly number[];
}

async function runScript(machine: Machine, run: ScriptRun): Promise<{ code: number; output: Buffer }> {
  for (const line of run.lines) if (line.includes('\n')) throw new AppError('bad_input', 'Give it in one line.');
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { code } = await machine.exec({
    script: run.script,
    stdin: Buffer.from(run.lines.map((line) => `${line}\n`).join('')),
    onOutput(chunk) {
      size += chunk.length;
      if (size <= MAX_OUTPUT_BYTES) chunks.push(chunk);
    },
    signal: run.signal,
  });
  if (code !== 0 && !(run.codes ?? []).includes(code))
    throw new AppError('internal', `The machine could not do this (status ${code}). Nothing was changed.`);
  return { code, output: Buffer.concat(chunks) };
}

async function resolveRemote(machine: Machine, path: string, signal: AbortSignal): Promise<RealPath> {
  const { output } = await runScript(machine, { script: RESOLVE, lines: [path], signal });
  const [kind, real] = output.toString('utf8').split('\n');
  if (real === undefined || !real.startsWith('/'))
    throw new AppError('internal', `The machine does not say where ${path} is. Nothing was done.`);
  return { real, isDangling: kind !== 'real' };
}

const KINDS: readonly FileStat['kind'][] = ['file', 'folder', 'link', 'other'];

async function statRemote(machine: Machine, path: string, signal: AbortSignal): Promise<FileStat | undefined> {
  const { code, output } = await runScript(machine, { script: STAT, lines: [path], signal, codes: [4] });
  if (code === 4) return undefined;
  const [word, size, blocks, seconds, mode] = output.toString('utf8').trim().split(' ');
  const kind = KINDS.find((one) => one === word);
  if (kind === undefined || mode === undefined)
    throw new AppError('internal', `The machine does not say what ${path} is. Nothing was done.`);
  return {
    kind,
    size: Number(size),
    allocated: Number(blocks) * 512,
    mtimeMs: Number(seconds) * 1_000,
    mode: Number.parseInt(mode, 8) & 0o777,
  };
}

async function requireFile(machine: Machine, path: string, signal: AbortSignal): Promise<FileStat> {
  const stat = await statRemote(machine, path, signal);
  if (stat === undefined) throw new AppError('not_found', `There is no file ${path}.`);
  if (stat.kind !== 'file') throw new AppError('bad_input', `${path} is no ordinary file. It was left alone.`);
  return stat;
}

async function refuseChanged(
  machine: Machine,
  { path, expected }: { path: string; expected: FileStat | undefined },
  signal: AbortSignal,
): Promise<FileStat | undefined> {
  const now = await statRemote(machine, path, signal);
  if (now !== undefined && now.kind !== 'file')
    throw new AppError('bad_input', `${path} is no ordinary file. It was left alone.`);
  if (isSameFile(now, expected)) return now;
  throw new AppError('not_allowed', `${path} was changed just now. It was left as it is; read it again.`);
}

async function listRemote(
  machine: Machine,
  { path, max }: { path: string; max: number },
  signal: AbortSignal,
): Promise<readonly ListEntry[]> {
  const run = { script: LIST, lines: [path, String(max)], signal, codes: [4] };
  const { code, output } = await runScript(machine, run);
  if (code === 4) throw new AppError('not_found', `There is no folder ${path}.`);
  const entries = output.toString('utf8').split('\n').slice(0, -1);
  return entries
    .map((line) => {
      const at = line.indexOf(' ');
      return { name: line.slice(at + 1), kind: KINDS.find((one) => one === line.slice(0, at)) ?? 'other', size: 0 };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function searchRemote(machine: Machine, query: SearchQuery, signal: AbortSignal): Promise<SearchOutcome> {
  const collector = makeCollector(query);
  const notes: string[] = [];
  const fits = query.target === 'files' ? fileMatcher(query.pattern) : () => true;
  const inRoot = (path: string) => nodePath.relative(query.root, path);
  const lines = [query.root, query.pattern, query.target, String(MAX_OUTPUT_BYTES)];
  const rg = { script: RIPGREP, lines: [...lines, ...ripgrepOptions(query)], signal, codes: [1, 2, 127] };
  let { code, output } = await runScript(machine, rg);
  let glob: (path: string) => boolean = () => true;
  let parse = query.target === 'files' ? (line: string) => ({ path: line }) : parseEvent;
  if (code === 127) {
    notes.push('ripgrep is not installed on the machine: grep was used, without context and .gitignore');
    glob = query.glob === undefined ? glob : makeGlob(query.glob);
    parse = query.target === 'files' ? parse : parseGrepLine;
    ({ code, output } = await runScript(machine, { script: GREP, lines, signal, codes: [1, 2, 5] }));
    if (code === 5) throw notUnderstood('grep -E does not know the pattern.');
  }
  const reader = makeLineReader((line) => {
    const hit = parse(line);
    if (hit === undefined || !fits(inRoot(hit.path)) || !glob(inRoot(hit.path))) return true;
    return collector.add(hit);
  });
  reader.push(output);
  reader.end();
  if (query.target === 'content' && code !== 127 && collector.hits.length === 0 && isComplaint(output))
    throw notUnderstood(output.toString('utf8').slice(0, 500));
  if (output.length >= MAX_OUTPUT_BYTES) notes.push('too much was found to look at all of it: narrow the search');
  return { hits: collector.hits, hasMore: collector.hasMore(), notes };
}

/** Words of ripgrep instead of its JSON. */
function isComplaint(output: Buffer): boolean {
  return /^(rg: )?(regex parse )?error/.test(output.toString('utf8', 0, 40));
}

function notUnderstood(why: string): AppError {
  return new AppError('bad_input', `The search was not understood: ${why}`);
}

/** `path:line:text`. */
function parseGrepLine(line: string) {
  const match = /^(.+?):(\d+):(.*)$/.exec(line);
  const [, path, number, text] = match ?? [];
  if (path === undefined || text === undefined) return undefined;
  return { path, line: Number(number), text: cutLine(text) };
}
