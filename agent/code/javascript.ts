// What runs around a JavaScript of execute_code, in its process: `tools`, `print`, and the channel to Herald on descriptor 3. Nothing here is
// a fence: the script can reach all of it.

/** Given to Node as an argument; the script itself comes over the channel. */
export const JAVASCRIPT_FRAME = String.raw`(() => {
'use strict';
const net = require('node:net');
const { inspect } = require('node:util');
const { Script } = require('node:vm');
const channel = new net.Socket({ fd: 3 });
const pending = new Map();
let last = 0;
let rest = '';
let address = '';
class ToolError extends Error {
  get name() { return 'ToolError'; }
}
function send(name, args) {
  const frames = new Error().stack.split('\n').slice(1);
  return new Promise((resolve, reject) => {
    const id = ++last;
    pending.set(id, { resolve, reject, frames });
    channel.ref();
    channel.write(JSON.stringify({ id, name, arguments: args ?? {} }) + '\n');
  });
}
function take(message) {
  if (message.code !== undefined) return start(message);
  const call = pending.get(message.id);
  pending.delete(message.id);
  if (pending.size === 0) channel.unref();
  if (message.ok) call.resolve(message.text);
  else call.reject(Object.assign(new ToolError(message.text), { stack: ['ToolError: ' + message.text, ...call.frames].join('\n') }));
}
function words(error) {
  const text = error instanceof Error ? String(error.stack ?? error) : inspect(error);
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*(\[eval\]|node:)/.test(line))
    .map((line) => line.replaceAll(address, 'script.mjs'))
    .join('\n');
}
function start({ code, names }) {
  channel.unref();
  const known = new Map();
  const tools = new Proxy(Object.create(null), {
    get(_target, name) {
      if (typeof name !== 'string' || name === 'then') return undefined;
      if (!known.has(name)) known.set(name, (args) => send(name, args));
      return known.get(name);
    },
    has: (_target, name) => names.includes(name),
    ownKeys: () => names,
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
  });
  const shown = (value) =>
    typeof value === 'string' ? value : inspect(value, { depth: 8, maxArrayLength: 1000, maxStringLength: 10000 });
  const print = (...values) => void process.stdout.write(values.map(shown).join(' ') + '\n');
  Object.assign(globalThis, { tools, print, require, ToolError });
  address = 'data:text/javascript;base64,' + Buffer.from(code).toString('base64');
  import(address).catch((error) => fail(error instanceof SyntaxError ? withPlace(error, code) : error));
}
/** An import does not say where the syntax is wrong. A plain script does, without what only modules may hold. */
function withPlace(error, code) {
  const blank = (text) => ' '.repeat(text.length);
  try {
    new Script(code.replace(/^[ \t]*import\b[^;\n]*|\bawait\b|^[ \t]*export\b/gm, blank), { filename: 'script.mjs' });
  } catch (found) {
    const line = /^script\.mjs:(\d+)/.exec(found.stack)?.[1];
    if (found.message === error.message && line !== undefined)
      error.stack = ['script.mjs:' + line, code.split('\n')[line - 1], '', String(error)].join('\n');
  }
  return error;
}
/** What was printed goes out first. */
function fail(error) {
  process.exitCode = 1;
  process.stdout.write('', () => process.stderr.write(words(error) + '\n', () => process.exit(1)));
}
process.on('uncaughtException', fail);
channel.on('error', () => process.exit(1));
channel.on('end', () => process.exit(1));
channel.setEncoding('utf8');
channel.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) take(JSON.parse(line));
});
})();`;
