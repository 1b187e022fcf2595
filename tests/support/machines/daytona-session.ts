// A session of a sandbox that a test plays: commands, and their output line by line with the marks that the daemon puts before each.
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import { playedOptions } from './played-processes.ts';

const STDOUT_MARK = Buffer.from([1, 1, 1]);
const STDERR_MARK = Buffer.from([2, 2, 2]);

const GRACE_MS = 2000;

interface Command {
  child: ChildProcess;
  log: Buffer[];
  followers: Set<WebSocket>;
  isOver: boolean;
}

export interface PlayedShell {
  /** Returns the id of the command. */
  run(command: string): string;
  /** Sends the log from its beginning, then what comes, and closes when the command is over. */
  follow(id: string, client: WebSocket): void;
  /** Ends the process groups of its commands. */
  end(): void;
}

export function startPlayedShell(machine: string, folder: string): PlayedShell {
  const commands = new Map<string, Command>();
  return {
    run(text) {
      const child = spawn('sh', ['-c', text], {
        ...playedOptions({ machine, cwd: folder }),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const command: Command = { child, log: [], followers: new Set(), isOver: false };
      const id = randomUUID();
      commands.set(id, command);
      label(child.stdout, STDOUT_MARK, command);
      label(child.stderr, STDERR_MARK, command);
      // The daemon waits for both outputs, as this event does.
      child.once('close', () => {
        command.isOver = true;
        for (const client of command.followers) client.close(1000);
      });
      return id;
    },
    follow(id, client) {
      const command = commands.get(id);
      if (command === undefined) return client.close(1011);
      for (const line of command.log) client.send(line);
      if (command.isOver) return client.close(1000);
      command.followers.add(client);
      client.once('close', () => command.followers.delete(client));
    },
    end() {
      for (const { child, followers } of commands.values()) {
        if (child.pid !== undefined && child.exitCode === null) endGroup(child);
        for (const client of followers) client.close(1000);
      }
    },
  };
}

/** What `while IFS= read -r line` makes of a stream: no NUL, and always a newline at the end. */
function label(stream: Readable | null, mark: Buffer, command: Command): void {
  let pieces: Buffer[] = [];
  const emit = (line: Buffer) => {
    const told = Buffer.concat([mark, line.filter((byte) => byte !== 0), Buffer.from('\n')]);
    command.log.push(told);
    for (const client of command.followers) client.send(told);
  };
  stream?.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      emit(Buffer.concat([...pieces, chunk.subarray(from, at)]));
      pieces = [];
      from = at + 1;
    }
    if (from < chunk.length) pieces.push(chunk.subarray(from));
  });
  stream?.once('end', () => {
    if (pieces.length > 0) emit(Buffer.concat(pieces));
  });
}

/** Politely first, as the daemon does. */
function endGroup(child: ChildProcess): void {
  const signalGroup = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {
      // It ended meanwhile.
    }
  };
  signalGroup('SIGTERM');
  const timer = setTimeout(() => signalGroup('SIGKILL'), GRACE_MS);
  child.once('close', () => clearTimeout(timer));
}
