#!/usr/bin/env -S node --max-semi-space-size=8
// Entry of the command. Plain JavaScript, so that a Node too old for TypeScript can say so, and so that everything imported after it
// comes from Node's compile cache: types are stripped once per file, not at every start (about 35 MB and 200 ms). The flag of whoever
// starts it (--max-semi-space-size=8) keeps the young generation half as large as by itself.
import fs from 'node:fs';
import module from 'node:module';
import v8 from 'node:v8';

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(
    `herald: runtime_too_old: Herald needs Node 24 or newer, and this is Node ${process.versions.node}. ` +
      'Run it through npm in its folder (npm start), which brings its own, or install a newer one.\n',
  );
  process.exit(1);
}
// glibc keeps a heap per thread, and what one of them frees the others cannot use: 35 MB after some thousand messages. And what is freed in
// the middle of a heap is never given back, so buffers (from 128 KB on) get pages of their own: 10 MB. It reads the variables before anything
// runs, so the process that stays begins anew, which takes 40 ms.
if (process.platform === 'linux' && process.argv[2] === 'start' && process.env.MALLOC_ARENA_MAX === undefined)
  replaceProcess({ ...process.env, MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072' });
// By itself V8 lets the heap grow to several times of what is in use before it looks through all of it: 270 MB in a flood of messages
// instead of 200; with less than this it does little else. A version that does not know the flag passes over it.
v8.setFlagsFromString('--heap-growing-percent=100');
module.enableCompileCache();
const source = new URL('../cli/main.ts', import.meta.url);
await import(fs.existsSync(source) ? source.href : new URL('../dist/cli/main.js', import.meta.url).href);
// A restart that was asked for needs no supervisor where the process can replace itself; else the exit code asks for it.
if (process.exitCode === 75) replaceProcess(process.env);

/** Runs this command anew in the same process; comes back where that cannot be done. */
function replaceProcess(env) {
  if (typeof process.execve !== 'function') return;
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env);
}
