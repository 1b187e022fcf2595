// The commands below `herald cron`.
import { Option, type Command } from 'commander';
import { adderTo, group, wholeNumber, type ProgramHooks } from '../../command-tree.ts';

const FORMATS = ['github', 'gitlab', 'standard'];

export function addCronCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'cron', 'what Herald does by itself: reports, reminders, scripts'), hooks);
  const load = () => import('./cron.ts');
  const loadEvents = () => import('./events.ts');
  ofPerson(add('list', 'list the jobs with their next run', async () => (await load()).runCronList));
  const make = add(
    'add [when...]',
    'make a job, such as: herald cron add every weekday at 9 --prompt "…"',
    async () => (await load()).runCronAdd,
  );
  ofPerson(withDraft(make)).option('--paused', 'make it, but do not begin');
  const edit = add('edit <job>', 'change what is given, leave the rest', async () => (await load()).runCronEdit);
  ofPerson(withDraft(edit)).option('--when <words>', 'another time');
  ofPerson(add('pause <job>', 'begin no more runs of it', async () => (await load()).runCronPause));
  ofPerson(
    add('resume <job>', 'go on with the next run; nothing is caught up', async () => (await load()).runCronResume),
  );
  ofPerson(add('run <job>', 'begin a run at once, beside its schedule', async () => (await load()).runCronRun));
  ofPerson(add('remove <job>', 'end it; its history stays', async () => (await load()).runCronRemove));
  ofPerson(
    add('runs [job]', 'what runs came to: result, cost, duration', async () => (await load()).runCronRuns),
  ).option('-n, --limit <count>', 'how many (default 20)', wholeNumber(1, 500));
  ofPerson(add('next', 'what is to run in the next days', async () => (await load()).runCronNext)).option(
    '-d, --days <count>',
    'how many days (default 7)',
    wholeNumber(1, 366),
  );
  ofPerson(
    add(
      'hook <job>',
      'make an address that begins it when something is posted there',
      async () => (await loadEvents()).runCronHook,
    ),
  )
    .addOption(new Option('--format <kind>', 'how posts are signed').choices(FORMATS).default('standard'))
    .option('--events <names>', 'only these, with commas between them')
    .option('--template <text>', 'what the job is told, with places such as {{repository.full_name}}')
    .option('--per-minute <count>', 'posts that are taken in a minute (default 30)', wholeNumber(1, 600));
  ofPerson(add('on <job>', 'let a message, a file or a process begin it', async () => (await loadEvents()).runCronOn))
    .option('--message', 'a message to Herald, which --from, --words and --platform describe')
    .option('--from <who>', "part of the sender's name or address")
    .option('--words <words>', 'all of these occur in it, with commas between them')
    .option('--platform <name>', 'it comes from there, such as email')
    .option('--file <path>', 'a file or folder of the workspace that changes')
    .option('--process [title]', 'a background process that is to tell when it ends; with this in its title');
  ofPerson(
    add('hooks', 'list what begins jobs beside the time', async () => (await loadEvents()).runCronTriggers),
  ).option('--remove <id>', 'take this one away');
}

function ofPerson(command: Command): Command {
  return command.option('--person <who>', 'of this person instead of the owner');
}

function withDraft(command: Command): Command {
  return command
    .option('--prompt <text>', 'what the agent is asked each time')
    .option('--reminder <text>', 'a text that is sent as it is; needs no model')
    .option(
      '--script <command>',
      'a command in the workspace; alone its output is the result, with a prompt it stands before it',
    )
    .option('--name <name>', 'how it is called')
    .option('--timezone <zone>', 'such as Europe/Vienna')
    .option('--to <chats>', 'origin, platform, platform:chat, #name, all, last-active or none; several with commas')
    .option('--fallback <chat>', 'where a result goes that reached none of them')
    .option('--tools <names>', 'tools and toolsets it may use, with commas between them')
    .option('--skills <names>', 'skills it works by, with commas between them')
    .option('--context <jobs>', 'jobs whose last results it is given')
    .addOption(
      new Option('--memory <state>', 'whether it knows what is remembered of you (default on)').choices(['on', 'off']),
    )
    .option('--model <name>', 'model that answers')
    .option('--cap-usd <amount>', 'most that one run may cost')
    .option('--quiet <hours>', 'such as 22:00-07:00: what is due then runs at their end')
    .option('--jitter-minutes <count>', 'each run is up to this much later', wholeNumber(0, 1_440))
    .addOption(new Option('--catch-up <policy>', 'what was due while nothing ran').choices(['skip', 'latest', 'all']));
}
