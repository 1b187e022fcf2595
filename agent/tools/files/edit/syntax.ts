// Whether a file that was just written can be parsed, for what can be looked at without heavy libraries. Parsers of programs run in a child
// that may do nothing else: a parser that fails must not take Herald with it.
import { extname, basename } from 'node:path';
import { z } from 'zod';
import type { ToolContext } from '../../tool.ts';

const MAX_CHARS = 256 * 1024;
const CHECK_MS = 5_000;
const MAX_PROBLEM_CHARS = 400;

/** What a check may use. */
export type SyntaxContext = Pick<ToolContext, 'spawn' | 'clock'>;

/** What is wrong with `text` as a file of that name, in a line; undefined when nothing is, or when it was not looked at. Never rejects. */
export async function findSyntaxProblem(
  path: string,
  text: string,
  context: SyntaxContext,
): Promise<string | undefined> {
  if (text.length > MAX_CHARS) return undefined;
  const check = CHECKS[extname(path).toLowerCase()];
  try {
    const problem = await check?.({ text, name: basename(path).toLowerCase(), context });
    return problem?.replace(/\s+/g, ' ').trim().slice(0, MAX_PROBLEM_CHARS);
  } catch {
    // A parser that gives up says nothing about the file.
    return undefined;
  }
}

interface Check {
  text: string;
  name: string;
  context: SyntaxContext;
}

const CHECKS: Readonly<Record<string, (check: Check) => Promise<string | undefined>>> = {
  '.json': checkJson,
  '.yaml': checkYaml,
  '.yml': checkYaml,
  '.js': checkScript('js'),
  '.mjs': checkScript('js'),
  '.cjs': checkScript('cjs'),
  '.ts': checkScript('ts'),
  '.mts': checkScript('ts'),
  '.cts': checkScript('ts'),
  '.py': checkPython,
};

/** JSON in which their programs allow comments. */
const WITH_COMMENTS = /^((ts|js)config.*|settings|tasks|launch|extensions|devcontainer|\.eslintrc|deno)\.json$/;

async function checkJson({ text, name }: Check): Promise<string | undefined> {
  if (WITH_COMMENTS.test(name)) return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof SyntaxError ? error.message : undefined;
  }
}

async function checkYaml({ text }: Check): Promise<string | undefined> {
  // Templates that become YAML later.
  if (text.includes('{{') || text.includes('{%')) return undefined;
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text, { logLevel: 'silent' });
  for (const document of documents) if (document.errors[0]) return document.errors[0].message;
  return undefined;
}

/** In the child. Types that need more than being left out are no mistakes. */
const PARSER = `
const vm = require('node:vm');
const { stripTypeScriptTypes } = require('node:module');
const text = require('node:fs').readFileSync(0, 'utf8').replace(/^#!.*/, '');
const kind = process.argv[1];
const strip = () => stripTypeScriptTypes(text);
const script = () => vm.compileFunction(text, ['exports', 'require', 'module', '__filename', '__dirname']);
const failure = (parse) => { try { parse(); return null; } catch (error) { return error; } };
let error = null;
if (kind === 'ts') error = failure(strip);
else {
  error = kind === 'cjs' ? failure(script) : failure(() => new vm.SourceTextModule(text));
  if (error && kind === 'js' && !failure(script)) error = null;
}
if (error && error.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') error = null;
if (error && error.name === 'SyntaxError') {
  const placed = failure(strip);
  const line = /^:(\\d+)/.exec(String(placed && placed.stack));
  process.stdout.write(JSON.stringify({ message: String(error.message), line: line ? Number(line[1]) : 0 }));
}`;
const foundSchema = z.object({ message: z.string(), line: z.int() });

function checkScript(kind: 'js' | 'cjs' | 'ts') {
  return async ({ text, context }: Check): Promise<string | undefined> => {
    const args = ['--no-warnings', '--permission', '--experimental-vm-modules', '-e', PARSER, kind];
    const output = await runParser(process.execPath, args, { text, context });
    if (output === undefined || output === '') return undefined;
    const { message, line } = foundSchema.parse(JSON.parse(output));
    return line > 0 ? `line ${line}: ${message}` : message;
  };
}

const PYTHON = `import ast, sys
try:
    ast.parse(sys.stdin.buffer.read())
except SyntaxError as error:
    print(f"line {error.lineno}: {error.msg}")`;

async function checkPython({ text, context }: Check): Promise<string | undefined> {
  const output = await runParser('python3', ['-I', '-S', '-c', PYTHON], { text, context });
  return output === '' ? undefined : output;
}

/** What the child prints; undefined when it is not there, fails, or takes too long. */
function runParser(
  command: string,
  args: readonly string[],
  { text, context }: { text: string; context: SyntaxContext },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = context.spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' });
    const chunks: Buffer[] = [];
    const cancel = context.clock.after(CHECK_MS, () => {
      child.kill('SIGKILL');
    });
    const end = (output: string | undefined) => {
      cancel();
      resolve(output);
    };
    child.once('error', () => end(undefined));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunks.length < 16) chunks.push(chunk);
    });
    child.once('close', (code) => end(code === 0 ? Buffer.concat(chunks).toString('utf8') : undefined));
    // A child that ends before it has read everything.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(text);
  });
}
