// The tree of commands: names, arguments, options and help. What a command does is loaded only when it runs, so that `herald version`
// and `--help` load neither the database nor any SDK.
import { Argument, Command, Option } from 'commander';
import { suggestName } from '../config/suggest.ts';
import { adderTo, addGlobals, group, wholeNumber, type ProgramHooks } from './command-tree.ts';
import { addCronCommands } from './commands/cron/tree.ts';
import { addDataCommands } from './commands/data/tree.ts';
import { addPeopleCommands } from './commands/people/tree.ts';
import { addSkillCommands } from './commands/skills/tree.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';
import { VERSION } from '../shared/installation.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'];
export const SHELLS = ['bash', 'zsh', 'fish'];
const ROLES = ['owner', 'admin', 'member', 'guest'];

export function buildProgram(hooks: ProgramHooks): Command {
  const program = new Command('herald')
    .description('Herald: an agent of your own that you talk to from the chat apps you already use.')
    .usage('[options] [command]')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help')
    .enablePositionalOptions()
    .argument('[words...]')
    .showSuggestionAfterError()
    .option('-c, --ask <text>', 'ask once, print the answer and exit');
  addGlobals(program);
  program.action(async () => {
    const [word] = program.args;
    if (typeof program.opts()['ask'] === 'string')
      await hooks.run(program, async () => (await import('./commands/chat.ts')).runAsk, true);
    else if (word === undefined) program.outputHelp();
    else program.error(unknownCommand(program, word));
  });
  addTalkCommands(program, hooks);
  addSetupCommands(program, hooks);
  addGatewayCommands(program, hooks);
  addConfigCommands(program, hooks);
  addPeopleCommands(program, hooks);
  addDataCommands(program, hooks);
  addVoiceCommands(program, hooks);
  addToolCommands(program, hooks);
  addSkillCommands(program, hooks);
  addCronCommands(program, hooks);
  addMcpCommands(program, hooks);
  addCareCommands(program, hooks);
  program.addHelpText('after', () => `\nExit codes:\n${exitCodeLines().join('\n')}\n`);
  return program;
}

function addTalkCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(program, hooks);
  add('start', 'run the gateway, until Ctrl-C', async () => (await import('./commands/start.ts')).runStart).option(
    '-p, --port <number>',
    'port of the page and the API; 0 takes any free one',
    wholeNumber(0, 65_535),
  );
  add(
    'chat [text...]',
    'talk in the terminal; with a text, ask once',
    async () => (await import('./commands/chat.ts')).runChatCommand,
  )
    .option('-n, --new', 'begin a new conversation')
    .addOption(
      new Option(
        '-c, --continue',
        'go on with the current conversation, on whatever platform it was (the default)',
      ).conflicts('new'),
    );
  add(
    'send [text...]',
    'send a message to one of your paired chats',
    async () => (await import('./commands/send.ts')).runSend,
  )
    .option(
      '-t, --target <chat>',
      'platform, platform:chat or title; default: the chat you last wrote in (`herald targets` lists them)',
    )
    .option('-f, --file <path>', 'read the text from a file, - for standard input (the default when text is piped in)')
    .option('-a, --attach <path>', 'send this file along')
    .option('--person <who>', 'to a chat of this person instead of the owner')
    .option('--no-wait', 'do not wait until it is delivered')
    .option('-q, --quiet', 'print nothing when it worked');
  add(
    'targets',
    'list the chats that `send` can reach',
    async () => (await import('./commands/send.ts')).runTargets,
  ).option('--person <who>', 'of this person instead of the owner');
  add(
    'status',
    'show the running gateway, its platforms and queues',
    async () => (await import('./commands/status.ts')).runStatus,
  );
  add(
    'stop',
    'stop the gateway once running turns have ended',
    async () => (await import('./commands/status.ts')).runStop,
  );
  add(
    'restart',
    'restart the gateway once running turns have ended',
    async () => (await import('./commands/status.ts')).runRestart,
  );
  add(
    'reload',
    'let the gateway read the configuration again',
    async () => (await import('./commands/status.ts')).runReload,
  );
}

function addSetupCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(program, hooks);
  const setup = add(
    'setup',
    'choose a model and connect chat platforms, step by step',
    async () => (await import('./commands/setup.ts')).runSetup,
  )
    .option('--provider <id>', 'model service, such as openai, anthropic, openrouter, ollama, custom')
    .option('--model <name>', 'model; default: the usual one of the service')
    .option('--base-url <url>', 'address of the service, where it is not the usual one')
    .option('--key-env <name>', 'environment variable that holds the key of the service')
    .option('--non-interactive', 'ask nothing; take the options alone')
    .option('--force', 'save even when a check fails');
  for (const { flag, description } of hooks.secretFlags) setup.option(`${flag} <name>`, description);
  add(
    'model [name]',
    'show the model that answers, or set it (provider/model or model)',
    async () => (await import('./commands/model.ts')).runModel,
  )
    .option('-l, --list', 'list the models on offer')
    .option('--force', 'set it even when the service does not list it');
}

function addGatewayCommands(program: Command, hooks: ProgramHooks): void {
  const addGateway = adderTo(group(program, 'gateway', 'connect chat platforms'), hooks);
  addGateway(
    'setup [platform]',
    'connect a chat platform, step by step',
    async () => (await import('./commands/gateway.ts')).runGatewaySetup,
  );
}

function addConfigCommands(program: Command, hooks: ProgramHooks): void {
  const addConfig = adderTo(group(program, 'config', 'read and change config.yaml'), hooks);
  addConfig(
    'get <key>',
    'print one setting or section',
    async () => (await import('./commands/config.ts')).runConfigGet,
  );
  addConfig(
    'set <key> <value>',
    'change one setting; comments in the file stay',
    async () => (await import('./commands/config.ts')).runConfigSet,
  );
  addConfig(
    'unset <key>',
    'take one setting out of the file',
    async () => (await import('./commands/config.ts')).runConfigUnset,
  );
  addConfig(
    'show',
    'print every setting and where it comes from',
    async () => (await import('./commands/config.ts')).runConfigShow,
  ).option('--changed', 'only what differs from the defaults');
  addConfig('path', 'print the path of config.yaml', async () => (await import('./commands/config.ts')).runConfigPath);
}

function addVoiceCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'voice', 'voice messages: what understands and speaks them'), hooks);
  add('status', 'show what is set up', async () => (await import('./voice/status.ts')).runVoiceStatus);
  add(
    'install [model]',
    'set up transcription on this machine: build the engine, download a model (default base)',
    async () => (await import('./voice/install.ts')).runVoiceInstall,
  )
    .option('--sha256 <checksum>', 'of a model that is not one of the known ones')
    .option('--engine-only', 'download no model')
    .option('--rebuild', 'build the engine anew');
  add('models', 'list the models', async () => (await import('./voice/status.ts')).runVoiceModels);
  add(
    'test [file]',
    'transcribe a recording, or a sample of known words, and say it again',
    async () => (await import('./voice/test.ts')).runVoiceTest,
  );
}

function addToolCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'tools', 'what the agent can do'), hooks);
  const load = () => import('./commands/tools.ts');
  add('list', 'show all tools, and why some are off', async () => (await load()).runToolsList)
    .option('--person <who>', 'as this person instead of the owner')
    .option('--platform <id>', 'as in chats of this platform');
  const where = (command: Command) =>
    command
      .addOption(new Option('--platform <id>', 'in chats of this platform only').conflicts('role'))
      .addOption(new Option('--role <role>', 'for people of this role only').choices(ROLES));
  where(add('disable <name>', 'switch a tool or group off', async () => (await load()).runToolsDisable));
  where(add('enable <name>', 'switch it on again', async () => (await load()).runToolsEnable));
}

function addMcpCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'mcp', 'MCP: servers that bring tools, and Herald as one'), hooks);
  const load = () => import('./commands/mcp.ts');
  add('serve', 'be an MCP server on standard input and output', async () => (await load()).runMcpServe)
    .addOption(new Option('--person <who>', 'speak for this person instead of the owner').conflicts('http'))
    .option('--http', 'serve it on the port of the gateway instead, from its next start on');
  add('list', 'show the servers and their tools', async () => (await load()).runMcpList);
  add('login <server>', 'log in to a server with a browser', async () => (await load()).runMcpLogin).option(
    '--address <url>',
    'end a login with the address that the browser was sent to',
  );
  add('logout <server>', 'delete the tokens of a server', async () => (await load()).runMcpLogout);
  add(
    'allow <server> [tools...]',
    'use tools again that have changed: those named, or all',
    async () => (await load()).runMcpAllow,
  );
  add('refresh <server>', 'read again what a server offers', async () => (await load()).runMcpRefresh);
}

function addCareCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(program, hooks);
  add('doctor', 'check everything and say how to mend it', async () => (await import('./commands/doctor.ts')).runDoctor)
    .option('--deep', 'also make a real call to the model')
    .option('--voice', 'also transcribe a sample and say it again')
    .option('--live', 'also write to you on each chat platform and wait for your answer')
    .option('--platform <id>', 'with --live: on this platform only');
  add('logs', "print the gateway's log", async () => (await import('./commands/logs.ts')).runLogs)
    .option('-n, --lines <count>', 'how many of the last lines (default 50)', wholeNumber(0, 1_000_000))
    .option('-f, --follow', 'go on printing new lines')
    .addOption(new Option('--level <level>', 'this level and above').choices(LEVELS));
  const completion = program.command('completion').description('print the completion script of a shell');
  completion.addArgument(new Argument('<shell>').choices(SHELLS));
  addGlobals(completion);
  completion.action(() =>
    hooks.run(completion, async () => (await import('./commands/completion.ts')).runCompletion, false),
  );
  const version = program.command('version').description('print the version');
  addGlobals(version);
  version.action(() => hooks.run(version, async () => (await import('./commands/version.ts')).runVersion, false));
}

function unknownCommand(program: Command, word: string): string {
  const near = suggestName(
    word,
    program.commands.map((command) => command.name()),
  );
  return `there is no command ${JSON.stringify(word)}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

function exitCodeLines(): string[] {
  return EXIT_MEANINGS.map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`);
}
