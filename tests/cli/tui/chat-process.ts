// `herald chat` as a process of its own, for tests at a real pseudo-terminal. Arguments: socket, history file, folder for downloads, color.
import { runChat } from '../../../cli/tui/run-chat.ts';
import { systemClock } from '../../../shared/clock.ts';

const [socketPath = '', historyFile = '', downloadsFolder = '', color = ''] = process.argv.slice(2);
process.exitCode = await runChat({
  socketPath,
  historyFile,
  downloadsFolder,
  color: color === 'color',
  input: process.stdin,
  output: process.stdout,
  errors: process.stderr,
  clock: systemClock,
});
