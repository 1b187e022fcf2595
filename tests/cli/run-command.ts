// The same as run-cli.ts, for tests of what commands do: one process runs them all, so that each of some hundred does not load everything anew.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { moduleFile } from '../support/built.ts';
import { bareEnv, type CliResult, type RunOptions } from './run-cli.ts';

export interface HostRequest {
  id: number;
  args: readonly string[];
  env: Record<string, string>;
  input: string;
}

export interface HostAnswer extends CliResult {
  id: number;
}

export interface CommandRunner {
  /** One command after the other. Rejects when the process is gone. */
  run(args: readonly string[], options: Omit<RunOptions, 'node'>): Promise<CliResult>;
  close(): Promise<void>;
}

const HOST = moduleFile('tests/cli/command-host');

export function openCommandRunner(): CommandRunner {
  const waiting = new Map<number, PromiseWithResolvers<CliResult>>();
  let child: ChildProcess | undefined;
  let count = 0;
  let printed = '';

  function start(): ChildProcess {
    const started = spawn(process.execPath, [HOST], { env: bareEnv('/'), stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    started.stderr?.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    started.on('message', (answer: HostAnswer) => {
      waiting.get(answer.id)?.resolve({ code: answer.code, stdout: answer.stdout, stderr: answer.stderr });
      waiting.delete(answer.id);
    });
    started.once('exit', (code, signal) => {
      for (const one of waiting.values()) one.reject(new Error(`ended with ${code ?? signal}: ${printed}`));
      waiting.clear();
      if (child === started) child = undefined; // the next command starts another
    });
    return started;
  }

  return {
    run(args, options) {
      child ??= start();
      const id = ++count;
      const result = Promise.withResolvers<CliResult>();
      waiting.set(id, result);
      const request: HostRequest = { id, args, env: bareEnv(options.home, options.env), input: options.input ?? '' };
      child.send(request);
      return result.promise;
    },
    async close() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}
