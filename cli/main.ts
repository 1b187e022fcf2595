#!/usr/bin/env node
// Entry of the `herald` command. Checks the runtime first; everything else is loaded only when it will do.
import { EXIT } from './exit-codes.ts';
import { describeRuntimeProblem } from './runtime.ts';

/** What still holds the process after its work is done (a kept-alive connection, say) gets this long. */
const LINGER_MS = 2_000;

const problem = describeRuntimeProblem(process.versions);
if (problem === undefined) {
  const { runCli } = await import('./run.ts');
  process.exitCode = await runCli(process.argv.slice(2), process);
} else {
  process.stderr.write(`herald: runtime_too_old: ${problem}\n`);
  process.exitCode = EXIT.failed;
}
setTimeout(() => process.exit(), LINGER_MS).unref();
