// Commands against a home whose gateway runs, for what is said by the command line in the middle of something else: in this process, which
// saves a start of 0.3 s for each. The command line as a process has tests of its own (tests/cli, and some here in e2e).
import { Writable } from 'node:stream';
import { runCli } from '../../cli/run.ts';

/** What it printed. Rejects with what it said when it fails. */
export async function runCommand(home: string, ...args: string[]): Promise<string> {
  const stdout = keepOutput();
  const stderr = keepOutput();
  const code = await runCli([...args, '--home', home], {
    stdin: process.stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
  });
  if (code !== 0) throw new Error(`herald ${args.join(' ')} ended with ${code}: ${stderr.text()}`);
  return stdout.text();
}

/** What is printed, kept; it is no terminal, as the pipe of a child is none. */
export function keepOutput(): { stream: NodeJS.WriteStream; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => Buffer.concat(chunks).toString() };
}
