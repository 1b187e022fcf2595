// Runs commands of the command line one after the other in this process, as its parent asks over IPC: what they print and how they end is
// told back. For tests of what commands do; that the process itself starts and ends as it should is tested with real ones (run-cli.ts).
import { Readable } from 'node:stream';
import { runCli } from '../../cli/run.ts';
import type { CliStreams } from '../../cli/context.ts';
import { keepOutput } from '../support/command.ts';
import type { HostAnswer, HostRequest } from './run-command.ts';

async function answer(request: HostRequest): Promise<HostAnswer> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, request.env);
  const stdout = keepOutput();
  const stderr = keepOutput();
  const stdin = Readable.from(request.input === '' ? [] : [Buffer.from(request.input)], { objectMode: false });
  const streams: CliStreams = {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout.stream,
    stderr: stderr.stream,
  };
  const code = await runCli(request.args, streams);
  return { id: request.id, code, stdout: stdout.text(), stderr: stderr.text() };
}

let last: Promise<void> = Promise.resolve();
process.on('message', (request: HostRequest) => {
  last = last.then(async () => void process.send?.(await answer(request)));
});
