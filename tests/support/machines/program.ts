// Makes a program file of a stand-in that is written in TypeScript, with a folder for its state.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StandIn {
  /** To give to the backend as its program. */
  program: string;
  /** What it keeps. */
  folder: string;
  /** For paths "inside" its machines, which are paths of this machine. */
  inside: string;
  remove(): void;
}

const SCRIPTS = {
  docker: new URL('./docker-program.ts', import.meta.url),
  apptainer: new URL('./apptainer-program.ts', import.meta.url),
};

let cache: string | undefined;

/** What node made of the programs' text, for all stand-ins of this process: making it anew takes longer than most calls. */
function compileCache(): string {
  if (cache !== undefined) return cache;
  const made = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'herald-stand-in-cache-')));
  process.once('exit', () => fs.rmSync(made, { recursive: true, force: true }));
  return (cache = made);
}

export function makeStandIn(name: keyof typeof SCRIPTS): StandIn {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `herald-${name}-`)));
  const folder = path.join(dir, 'state');
  const inside = path.join(dir, 'inside');
  fs.mkdirSync(folder);
  fs.mkdirSync(inside);
  const program = path.join(dir, name);
  const quoted = [process.execPath, fileURLToPath(SCRIPTS[name]), folder].map((word) => `'${word}'`).join(' ');
  fs.writeFileSync(program, `#!/bin/sh\nNODE_COMPILE_CACHE='${compileCache()}' exec ${quoted} "$@"\n`, { mode: 0o755 });
  return { program, folder, inside, remove: () => fs.rmSync(dir, { recursive: true, force: true }) };
}
