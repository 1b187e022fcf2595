// /skills: what skills there are, what is proposed, their versions, and taking changes back.
import type { SkillInfo, SkillRevision, SkillsPort } from '../../../agent/skills/port.ts';
import { AppError } from '../../../shared/errors.ts';
import { isSteward } from '../access.ts';
import { ago, code, commandButtons, counted, fenced, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';

const SHOWN = 40;
const SHOWN_REVISIONS = 20;
const MAX_BODY_CHARS = 3_000;
const MAX_DIFF_CHARS = 12_000;
const USAGE =
  'I know `/skills [words]`, `/skills show <name>`, `/skills pending`, `/skills approve <id>`, `/skills reject <id>`, `/skills log [name]`, `/skills diff <id>`, ' +
  '`/skills rollback <name> [version]`, and `freeze`, `unfreeze`, `pin`, `unpin`, `archive`, `unarchive` with a name.';

type Verb = (context: CommandContext, port: SkillsPort, words: readonly string[]) => Promise<CommandReply>;

const READING: Readonly<Record<string, Verb>> = { list, show, pending, log, history: log, diff };
const CHANGING: Readonly<Record<string, Verb>> = {
  approve,
  reject,
  rollback,
  freeze: (...at) => mark(at, { frozen: true }, 'is frozen: only you change it'),
  unfreeze: (...at) => mark(at, { frozen: false }, 'may be changed again'),
  pin: (...at) => mark(at, { pinned: true }, 'is pinned: always in the list, never put away'),
  unpin: (...at) => mark(at, { pinned: false }, 'is not pinned any more'),
  archive: (...at) => mark(at, { archived: true }, 'is put away; `/skills unarchive` brings it back'),
  unarchive: (...at) => mark(at, { archived: false }, 'is back'),
};

export const skills: Command = {
  name: 'skills',
  aliases: ['skill'],
  description: 'What I know how to do, its versions, and what I propose',
  usage:
    '[show <name> | pending | approve <id> | reject <id> | log [name] | diff <id> | rollback <name> | freeze|pin|archive <name>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context) {
    const port = context.agent.skills;
    if (!port) throw new AppError('tool_unavailable', 'There are no skills here.');
    const [verb = '', ...words] = context.args.split(/\s+/);
    const name = verb.toLowerCase();
    const reading = Object.hasOwn(READING, name) ? READING[name] : undefined;
    if (reading) return reading(context, port, words);
    const changing = Object.hasOwn(CHANGING, name) ? CHANGING[name] : undefined;
    // "/skills invoices" is what people type to find one.
    if (!changing) return list(context, port, verb === '' ? [] : [verb, ...words]);
    if (context.address.kind === 'group' && !isSteward(context.person.role))
      throw new AppError('not_allowed', 'In a group the owner and admins change its skills. Nothing was changed.');
    return changing(context, port, words);
  },
};

async function list({ scope }: CommandContext, port: SkillsPort, words: readonly string[]): Promise<CommandReply> {
  const all = await port.list(scope);
  const wanted = words.map((word) => word.toLowerCase());
  const found = all.filter(({ searchText, name }) =>
    wanted.every((word) => `${name} ${searchText}`.toLowerCase().includes(word)),
  );
  const waiting = (await port.revisions(scope)).filter(({ state }) => state === 'proposed').length;
  const lines = found.slice(0, SHOWN).map((one) => `- ${lineOf(one)}`);
  const more = found.length - lines.length;
  const notes = [
    more > 0 ? `${more} more: name words of what you look for.` : '',
    waiting > 0 ? `${counted(waiting, 'proposal')} wait${waiting === 1 ? 's' : ''}: \`/skills pending\`.` : '',
    words.length === 0 ? '`/<name> <what you want>` uses one.' : '',
  ].filter((note) => note !== '');
  if (found.length === 0)
    return { text: words.length === 0 ? 'There are no skills.' : `No skill has these words. ${USAGE}` };
  return { text: [lines.join('\n'), ...notes].join('\n\n') };
}

function lineOf({ name, description, source, trust, ...marks }: SkillInfo): string {
  const said = [
    source,
    trust === 'community' ? 'not trusted yet' : '',
    marks.isTrial ? 'on trial' : '',
    marks.frozen ? 'frozen' : '',
    marks.pinned ? 'pinned' : '',
    marks.archived ? 'put away' : '',
    marks.revision !== undefined && source !== 'own' ? 'changed here' : '',
  ].filter((mark) => mark !== '');
  return `${code(name)} (${said.join(', ')}): ${plain(description, 120)}`;
}

async function show(
  { scope }: CommandContext,
  port: SkillsPort,
  [name = '']: readonly string[],
): Promise<CommandReply> {
  const skill = await port.open(scope, name);
  if (!skill) throw noSkill(name);
  const cut = skill.body.length > MAX_BODY_CHARS ? `${skill.body.slice(0, MAX_BODY_CHARS)}…` : skill.body;
  const files = skill.files.map(({ path }) => code(path)).join(', ');
  return {
    text: [lineOf(skill), fenced(cut.trimEnd(), 'markdown'), files === '' ? '' : `Files: ${files}`].join('\n\n').trim(),
  };
}

async function pending({ scope, clock }: CommandContext, port: SkillsPort): Promise<CommandReply> {
  const open = (await port.revisions(scope)).filter(({ state }) => state === 'proposed');
  if (open.length === 0) return { text: 'Nothing is proposed.' };
  const lines = open.map(
    (one) =>
      `- ${code(one.id)} ${code(one.skill)}${one.isDeletion ? ', to be deleted' : ''}: ${plain(one.reason, 160)} (${ago(one.createdAt, clock.now())})`,
  );
  const [only] = open;
  const buttons =
    only && open.length === 1
      ? commandButtons(
          [
            { label: 'Yes', command: `/skills approve ${only.id}` },
            { label: 'No', command: `/skills reject ${only.id}` },
            { label: 'Show', command: `/skills diff ${only.id}` },
          ],
          3,
        )
      : undefined;
  return { text: `${lines.join('\n')}\n\n\`/skills diff <id>\` shows one.`, ...(buttons && { buttons }) };
}

/** A skill that I drafted unasked is tried first; what was asked for holds at once. */
async function approve(
  { scope }: CommandContext,
  port: SkillsPort,
  [id = '', how = '']: readonly string[],
): Promise<CommandReply> {
  const revision = await needRevision(await port.revisions(scope), id);
  const isTrial = how === 'trial' || (revision.author === 'review' && how !== 'now');
  await port.decide(scope, revision.id, isTrial ? 'trial' : 'active', 'its person said yes');
  return {
    text: isTrial
      ? `Taken: version ${revision.number} of ${code(revision.skill)} is on trial. Half of your conversations use it, until it is clear whether it helps; \`/skills approve ${revision.id} now\` was the way to have it everywhere.`
      : `Taken: version ${revision.number} of ${code(revision.skill)} holds from now on.`,
  };
}

async function reject(
  { scope }: CommandContext,
  port: SkillsPort,
  [id = '']: readonly string[],
): Promise<CommandReply> {
  const revision = await needRevision(await port.revisions(scope), id);
  await port.decide(scope, revision.id, 'rejected', 'its person said no');
  return { text: `Not taken: version ${revision.number} of ${code(revision.skill)}. Nothing was changed.` };
}

async function log(
  { scope, clock }: CommandContext,
  port: SkillsPort,
  [name]: readonly string[],
): Promise<CommandReply> {
  const all = await port.revisions(scope, name?.toLowerCase());
  if (all.length === 0) return { text: name ? `${code(name)} was never changed here.` : 'No skill was changed here.' };
  const lines = all
    .slice(-SHOWN_REVISIONS)
    .toReversed()
    .map(
      (one) =>
        `- ${code(one.skill)} ${one.number}, ${one.state.replace('_', ' ')}, by ${one.author === 'person' ? 'you' : one.author}, ${ago(one.createdAt, clock.now())}: ${plain(one.reason, 120)} (${code(one.id)})`,
    );
  return { text: lines.join('\n') };
}

async function diff(
  { scope, storeFile }: CommandContext,
  port: SkillsPort,
  [id = '']: readonly string[],
): Promise<CommandReply> {
  const revision = await needRevision(await port.revisions(scope), id);
  const text = await port.diff(scope, revision.id);
  const head = `${code(revision.skill)} ${revision.number}: ${plain(revision.reason, 200)}`;
  if (text.length <= MAX_DIFF_CHARS)
    return { text: `${head}\n\n${fenced(text.trimEnd() || '(no difference)', 'diff')}` };
  const file = await storeFile(`${revision.skill}-${revision.number}.diff`, 'text/plain', text);
  return { text: head, files: [file] };
}

async function rollback(
  { scope }: CommandContext,
  port: SkillsPort,
  [given = '', version]: readonly string[],
): Promise<CommandReply> {
  const name = given.toLowerCase();
  const all = await port.revisions(scope, name);
  if (all.length === 0) throw new AppError('not_found', `${code(given)} was not changed here. Nothing was changed.`);
  const current = all.findLast(({ state }) => state === 'trial' || state === 'active' || state === 'archived');
  const target = version === undefined ? all.find(({ id }) => id === current?.parent) : byNumber(all, version);
  if (version !== undefined && version !== '0' && !target)
    throw new AppError('not_found', `There is no version ${plain(version)} of ${code(name)}. Nothing was changed.`);
  await port.rollback(scope, name, target?.id, 'its person went back');
  return {
    text: target
      ? `${code(name)} is at version ${target.number} again.`
      : (await port.open(scope, name))
        ? `${code(name)} is as it came.`
        : `${code(name)} is gone; \`/skills rollback ${name} <version>\` brings a version back.`,
  };
}

function byNumber(all: readonly SkillRevision[], version: string): SkillRevision | undefined {
  return all.find((one) => String(one.number) === version || one.id === version.toUpperCase());
}

async function mark(
  [{ scope }, port, [given = '']]: Parameters<Verb>,
  marks: { frozen?: boolean; pinned?: boolean; archived?: boolean },
  said: string,
): Promise<CommandReply> {
  const name = given.toLowerCase();
  if (name === '') throw new AppError('bad_input', `Which skill? ${USAGE}`);
  await port.mark(scope, name, marks);
  return { text: `${code(name)} ${said}.` };
}

/** By id, the beginning of one, or the name of a skill with one open proposal. */
async function needRevision(all: readonly SkillRevision[], given: string): Promise<SkillRevision> {
  const wanted = given.toUpperCase();
  const exact = all.find(({ id }) => id === wanted);
  if (exact) return exact;
  const found =
    wanted === ''
      ? all.filter(({ state }) => state === 'proposed')
      : all.filter(
          ({ id, skill, state }) =>
            (wanted.length >= 6 && id.startsWith(wanted)) || (skill === given.toLowerCase() && state === 'proposed'),
        );
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  throw new AppError(
    'not_found',
    `${only ? 'Several versions fit' : 'There is no such version'}. \`/skills pending\` and \`/skills log\` show the ids. Nothing was changed.`,
  );
}

function noSkill(name: string): AppError {
  return new AppError('not_found', name === '' ? `Which skill? ${USAGE}` : `There is no skill ${code(name)} here.`);
}
