// The commands about what is stored: `herald sessions`, `usage`, `backup` and `prompt-size`.
import { Option, type Command } from 'commander';
import { adderTo, group, wholeNumber, type ProgramHooks } from '../../command-tree.ts';

const FORMATS = ['markdown', 'json', 'jsonl'];

export function addDataCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(program, hooks);
  const person = (command: Command) =>
    command.option('--person <who>', 'of this person (id, name or platform:user) instead of the owner');
  const addSession = adderTo(group(program, 'sessions', 'read, export and delete conversations'), hooks);
  person(addSession('list', 'latest first', async () => (await import('./sessions.ts')).runSessionsList)).option(
    '-n, --limit <count>',
    'how many (default 20)',
    wholeNumber(1, 1000),
  );
  person(
    addSession(
      'show <session>',
      'print one by id, title or beginning of either',
      async () => (await import('./sessions.ts')).runSessionsShow,
    ),
  ).option('-n, --limit <count>', 'how many of the last messages (default 200)', wholeNumber(1, 2000));
  person(
    addSession(
      'search <words...>',
      'find what was said',
      async () => (await import('./sessions.ts')).runSessionsSearch,
    ),
  ).option('-n, --limit <count>', 'how many (default 20)', wholeNumber(1, 200));
  person(
    addSession(
      'export [session]',
      'write one, or all of them, with undone messages',
      async () => (await import('./sessions.ts')).runSessionsExport,
    ),
  )
    .addOption(
      new Option('--format <format>', 'markdown, json, or jsonl with one session per line')
        .choices(FORMATS)
        .default('markdown'),
    )
    .option('-o, --output <file>', 'write to this file instead of standard output');
  person(
    addSession(
      'delete <session>',
      'delete one with all of its messages',
      async () => (await import('./sessions.ts')).runSessionsDelete,
    ),
  ).option('-y, --yes', 'do not ask');
  person(add('usage', 'show tokens and costs per model', async () => (await import('./usage.ts')).runUsage)).option(
    '-d, --days <count>',
    'of how many days (default 30)',
    wholeNumber(1, 3650),
  );
  add(
    'backup [file]',
    'copy the database and the skills, also while the gateway runs',
    async () => (await import('./backup.ts')).runBackup,
  );
  add(
    'prompt-size',
    'show what every request to the model carries, by part',
    async () => (await import('./usage.ts')).runPromptSize,
  );
}
