// Looking at the processes of this machine, sandboxes included.
import fs from 'node:fs';

/** Running `sleep word`; a zombie has no arguments. */
export function countSleeping(word: string): number {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return fs.readFileSync(`/proc/${name}/cmdline`, 'utf8') === `sleep\0${word}\0`;
      } catch {
        return false;
      }
    }).length;
}
