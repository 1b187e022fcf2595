// The commands below `herald skills`: one function per owner, each with its own file of actions that is loaded when it runs.
import type { Command } from 'commander';
import { adderTo, group, wholeNumber, type ProgramHooks } from '../../command-tree.ts';

export function addSkillCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'skills', 'what Herald knows how to do, and where more of it comes from'), hooks);
  addLibraryCommands(add);
  addEvidenceCommands(add);
  addHubCommands(add);
}

function addLibraryCommands(add: ReturnType<typeof adderTo>): void {
  const load = () => import('./library.ts');
  const person = (command: Command) => command.option('--person <who>', 'of this person instead of the owner');
  const mark = (command: Command) => person(command).option('--off', 'take it back');
  person(add('list', 'show all skills', async () => (await load()).runSkillsList));
  person(add('show <name>', 'print one', async () => (await load()).runSkillsShow));
  person(add('log [name]', 'show the versions of one or all', async () => (await load()).runSkillsLog));
  person(add('diff <version>', 'show what a version changed', async () => (await load()).runSkillsDiff));
  person(add('approve <version>', 'let a proposed version hold', async () => (await load()).runSkillsApprove));
  person(add('reject <version>', 'turn a proposed version down', async () => (await load()).runSkillsReject));
  person(add('rollback <name>', 'take changes back: as it came', async () => (await load()).runSkillsRollback)).option(
    '--to <version>',
    'to this version, by its number',
    wholeNumber(1, 1_000_000),
  );
  mark(add('freeze <name>', 'let nobody but the person change it', async () => (await load()).runSkillsFreeze));
  mark(add('pin <name>', 'keep it in the list, and never put it away', async () => (await load()).runSkillsPin));
  mark(add('archive <name>', 'put it away', async () => (await load()).runSkillsArchive));
}

function addEvidenceCommands(add: ReturnType<typeof adderTo>): void {
  const load = () => import('./report.ts');
  const person = (command: Command) => command.option('--person <who>', 'of this person instead of the owner');
  person(
    add('report', 'show what skills are worth, with them and without', async () => (await load()).runSkillsReport),
  );
  person(add('uncurate <step>', 'take a step of curation back', async () => (await load()).runSkillsUncurate));
}

function addHubCommands(add: ReturnType<typeof adderTo>): void {
  const load = () => import('./hub.ts');
  add('search <words...>', 'find skills of others', async () => (await load()).runSkillsSearch).option(
    '-n, --limit <count>',
    'how many (default 20)',
    wholeNumber(1, 100),
  );
  add(
    'inspect <skill>',
    'show files, text and findings; installs nothing',
    async () => (await load()).runSkillsInspect,
  );
  add(
    'install <skill>',
    'install owner/repo/skill, a site, an address or a folder, checked first',
    async () => (await load()).runSkillsInstall,
  ).option('--force', 'also when there are findings to be careful with; never when it looks dangerous');
  add('update [name]', 'bring one or all to their newest state', async () => (await load()).runSkillsUpdate)
    .option('--check', 'only show what would change')
    .option('--back', 'go back to what was there before the last update')
    .option('--force', 'also when there are findings to be careful with; never when it looks dangerous');
  add(
    'remove <name>',
    'take an installed skill out; it is kept in an archive',
    async () => (await load()).runSkillsRemove,
  );
  add(
    'trust <name>',
    'let its text count as instructions, as it is now',
    async () => (await load()).runSkillsTrust,
  ).option('--off', 'count it as the words of strangers again');
  add(
    'audit',
    'hold installed skills against their hashes and scan them anew',
    async () => (await load()).runSkillsAudit,
  ).option('-n, --limit <count>', 'how many entries of the log (default 20)', wholeNumber(0, 10_000));
  add(
    'publish <skill>',
    'write a skill for others: its name, or its folder',
    async () => (await load()).runSkillsPublish,
  )
    .option('--person <who>', 'a skill of this person instead of the owner')
    .option('--to <place>', 'a folder, or a file that ends in .zip')
    .option('--site <folder>', 'the top of a site: adds it to /.well-known/agent-skills');
}
