// The task of a sandbox that a test plays: its first process, and commands beside it, with their streams handed on as the reader takes them.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { constants } from 'node:os';
import { encode, GrpcError, type Sender } from './grpc.ts';
import { endPlayedProcesses, playedOptions } from './played-processes.ts';

const NOT_FOUND = 5;

export interface PlayedTask {
  id: string;
  start(execId: string, command: readonly string[]): void;
  write(execId: string, data: Uint8Array, isEnd: boolean): Promise<void>;
  /** Sends until the command closed the stream. */
  read(execId: string, stream: 'stdout' | 'stderr', sender: Sender): Promise<void>;
  wait(execId: string): Promise<number>;
  /** Ends the first process and all commands. */
  end(): void;
}

export interface TaskRequest {
  id: string;
  /** Everything that works in it belongs to the sandbox. */
  folder: string;
  workdir: string;
  command: readonly string[];
}

export function startPlayedTask({ id, folder, workdir, command }: TaskRequest): PlayedTask {
  const running = new Map<string, { child: ChildProcessWithoutNullStreams; code: Promise<number> }>();
  fs.mkdirSync(workdir, { recursive: true });
  const launch = (words: readonly string[]) => {
    const [program = '', ...args] = words;
    const child = spawn(program, args, playedOptions({ machine: id, cwd: workdir }));
    child.stdin.on('error', () => undefined);
    return child;
  };
  const find = (execId: string) => {
    const found = running.get(execId);
    if (found === undefined) throw new GrpcError(NOT_FOUND, `exec ${execId} not found`);
    return found;
  };
  launch(command);
  return {
    id,
    start(execId, words) {
      const child = launch(words);
      const code = once(child, 'exit').then(([status, signal]: unknown[]) =>
        typeof status === 'number' ? status : 128 + signalNumber(signal),
      );
      running.set(execId, { child, code });
    },
    async write(execId, data, isEnd) {
      const { stdin } = find(execId).child;
      if (data.length > 0 && stdin.writable) await new Promise<void>((resolve) => stdin.write(data, () => resolve()));
      if (isEnd) stdin.end();
    },
    async read(execId, stream, sender) {
      const source = find(execId).child[stream];
      void sender.gone.then(() => source.resume());
      for await (const chunk of source) if (chunk instanceof Uint8Array) await sender.send(encode([1, chunk]));
    },
    wait: (execId) => find(execId).code,
    end() {
      endPlayedProcesses(id, folder);
    },
  };
}

function signalNumber(name: unknown): number {
  return Object.entries(constants.signals).find(([other]) => other === name)?.[1] ?? 0;
}
