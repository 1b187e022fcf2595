// Makes a program file of a stand-in that is written in TypeScript, with a folder for its state.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface StandIn {
  /** To give to the backend as its program. */
  program: string;
  /** What it keeps. */
  folder: string;
  /** For paths "inside" its machines, which are paths of this machine. */
  inside: string;
  remove(): void;
}

/** `script` stands in this folder. */
export function makeStandIn(name: string, script: string): StandIn {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `herald-${name}-`)));
  const folder = path.join(dir, 'state');
  const inside = path.join(dir, 'inside');
  fs.mkdirSync(folder);
  fs.mkdirSync(inside);
  const program = path.join(dir, name);
  const quoted = [process.execPath, path.join(import.meta.dirname, script), folder]
    .map((word) => `'${word}'`)
    .join(' ');
  fs.writeFileSync(program, `#!/bin/sh\nNODE_COMPILE_CACHE='${dir}/cache' exec ${quoted} "$@"\n`, { mode: 0o755 });
  return { program, folder, inside, remove: () => fs.rmSync(dir, { recursive: true, force: true }) };
}
