// Where the shared connections of ssh have their sockets: a folder of the temporary folder, private to the user, made at first use.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface SocketFolder {
  /** For ControlPath. Short: the path of a socket has at most 104 characters on some systems. */
  controlPath(): string;
  remove(): void;
}

export function makeSocketFolder(): SocketFolder {
  let folder: string | undefined;
  return {
    controlPath() {
      if (folder === undefined) {
        folder = mkdtempSync(path.join(tmpdir(), 'herald-ssh-'));
        chmodSync(folder, 0o700);
      }
      // %C: hash of local host, host, port, user and jump host.
      return path.join(folder, '%C');
    },
    remove() {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      folder = undefined;
    },
  };
}
