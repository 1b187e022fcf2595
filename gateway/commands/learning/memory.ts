// /memory: what is remembered of this person or group: shown, searched, approved, taken back, forgotten.
import type { MemoryPort } from '../../../agent/memory/port.ts';
import type { MemoryEntry } from '../../../data/memory/entries.ts';
import type { ForgetWhat } from '../../../data/memory/forget.ts';
import { AppError } from '../../../shared/errors.ts';
import { sessionId } from '../../../shared/ids.ts';
import { isSteward } from '../access.ts';
import { ago, commandButtons, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';

const SHOWN = 20;
const TEXT_CHARS = 240;
/** Of a blocked entry that is asked about: its whole sense must be seen. */
const BLOCKED_CHARS = 1_500;
const USAGE =
  'I know `/memory`, `/memory search <words>`, `/memory pending`, `/memory approve <number>|all`, `/memory reject <number>|all`, ' +
  '`/memory log`, `/memory undo [change]` and `/memory forget <number>|session|source <name>|me`.';

type Verb = (context: CommandContext, memory: MemoryPort, words: readonly string[]) => Promise<CommandReply>;

const READING: Readonly<Record<string, Verb>> = {
  '': list,
  list,
  search,
  find: search,
  pending,
  log,
  history: log,
};
const CHANGING: Readonly<Record<string, Verb>> = { approve, reject, undo, forget, delete: forget };

export const memory: Command = {
  name: 'memory',
  aliases: ['memories'],
  description: 'What I remember: show, search, approve, take back, forget',
  usage: '[search <words> | pending | approve <n> | reject <n> | log | undo [change] | forget <n>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context) {
    const port = context.agent.memory;
    if (!port) throw new AppError('tool_unavailable', 'There is no memory here.');
    const [verb = '', ...words] = context.args.split(/\s+/);
    const name = verb.toLowerCase();
    const reading = Object.hasOwn(READING, name) ? READING[name] : undefined;
    if (reading) return reading(context, port, words);
    const changing = Object.hasOwn(CHANGING, name) ? CHANGING[name] : undefined;
    if (!changing) throw new AppError('bad_input', `${USAGE} Nothing was changed.`);
    if (context.address.kind === 'group' && !isSteward(context.person.role))
      throw new AppError(
        'not_allowed',
        'In a group the owner and admins change what I remember of it. Nothing was changed.',
      );
    return changing(context, port, words);
  },
};

async function list({ scope }: CommandContext, port: MemoryPort): Promise<CommandReply> {
  const { core, usage, counts } = await port.overview(scope);
  const blocks = (['memory', 'user'] as const).flatMap((target) => {
    const entries = core.filter((entry) => entry.target === target);
    const title = target === 'memory' ? 'Memory' : 'Profile';
    return entries.length === 0 ? [] : [`**${title}** (${usage[target]})\n${entries.map(line).join('\n')}`];
  });
  const rest = [
    counts.archive > 0 ? `${counts.archive} more in the archive: \`/memory search <words>\`.` : '',
    core.some(({ state }) => state === 'blocked')
      ? 'What is blocked is not shown to me. `/memory approve <number>` shows it to you and keeps it if you mean it, `/memory forget <number>` deletes it.'
      : '',
    counts.pending > 0 ? `${counts.pending} waiting for your yes: \`/memory pending\`.` : '',
  ].filter((text) => text !== '');
  if (blocks.length === 0 && rest.length === 0) return { text: 'I remember nothing yet. Tell me what to keep.' };
  const choices = counts.pending > 0 ? [{ label: 'What waits', command: '/memory pending' }] : [];
  return { text: [...blocks, ...rest].join('\n\n'), buttons: commandButtons(choices, 1) };
}

async function search({ scope }: CommandContext, port: MemoryPort, words: readonly string[]): Promise<CommandReply> {
  const found = await port.search(scope, words.join(' '), SHOWN);
  if (found.length > 0) return { text: found.map(line).join('\n') };
  return {
    text: words.length === 0 ? 'I remember nothing yet.' : `I remember nothing of “${plain(words.join(' '))}”.`,
  };
}

async function pending({ scope }: CommandContext, port: MemoryPort): Promise<CommandReply> {
  const entries = await port.pending(scope);
  if (entries.length === 0) return { text: 'Nothing waits for your yes.' };
  const shown = entries.slice(0, SHOWN);
  const more = entries.length - shown.length;
  const choices = shown.slice(0, 4).flatMap(({ id }) => [
    { label: `Keep ${id}`, command: `/memory approve ${id}` },
    { label: `Reject ${id}`, command: `/memory reject ${id}` },
  ]);
  return {
    text: `These come from text of others and are not remembered yet:\n\n${shown.map(line).join('\n')}${more > 0 ? `\n\n… and ${more} more.` : ''}`,
    buttons: commandButtons(choices, 2),
  };
}

async function approve({ scope }: CommandContext, port: MemoryPort, words: readonly string[]): Promise<CommandReply> {
  const isSure = words.at(-1)?.toLowerCase() === 'yes';
  const ids = idsOf(isSure ? words.slice(0, -1) : words, 'approve');
  if (ids !== 'all') {
    const blocked = (await port.overview(scope)).core.filter(
      ({ id, state }) => state === 'blocked' && ids.includes(id),
    );
    if (blocked.length > 0) return keepBlocked(port, scope, { blocked, isSure });
  }
  const { kept, refused } = await port.approve(scope, ids);
  if (kept.length === 0 && refused.length === 0)
    throw new AppError('not_found', 'Nothing of that waits. `/memory pending` shows what does. Nothing was changed.');
  const lines = [
    ...kept.map((entry) => `Kept: ${said(entry)}`),
    ...refused.map(({ entry, reason }) => `Not kept, since ${reason}: ${said(entry)}. \`/memory reject ${entry.id}\``),
  ];
  return { text: lines.join('\n') };
}

/** One says yes to what one has seen. */
async function keepBlocked(
  port: MemoryPort,
  scope: CommandContext['scope'],
  { blocked, isSure }: { blocked: readonly MemoryEntry[]; isSure: boolean },
): Promise<CommandReply> {
  const long = blocked.find(({ text }) => text.length > BLOCKED_CHARS);
  if (long)
    throw new AppError(
      'too_large',
      `Entry ${long.id} is too long to be looked at here. Shorten it in the file, or \`/memory forget ${long.id}\`. Nothing was changed.`,
    );
  const ids = blocked.map(({ id }) => id);
  const shown = blocked
    .map(({ id, text, reason }) => `- ${id} (${plain(reason ?? '', 100)}): ${plain(text, BLOCKED_CHARS)}`)
    .join('\n');
  if (isSure) return { text: `Kept, and shown to me from now on: ${(await port.unblock(scope, ids)).length}.` };
  return {
    text: `This stands in my memory files and is blocked, since it reads like orders to me:\n\n${shown}\n\nDo you mean it? I will then read it in every conversation.`,
    buttons: commandButtons(
      [
        { label: 'Keep it', command: `/memory approve ${ids.join(',')} yes` },
        { label: 'Delete it', command: `/memory forget ${ids.join(',')}` },
      ],
      2,
    ),
  };
}

async function reject({ scope }: CommandContext, port: MemoryPort, words: readonly string[]): Promise<CommandReply> {
  const count = await port.reject(scope, idsOf(words, 'reject'));
  if (count === 0)
    throw new AppError('not_found', 'Nothing of that waits. `/memory pending` shows what does. Nothing was changed.');
  return { text: `Rejected and deleted: ${count}.` };
}

async function log({ scope, clock }: CommandContext, port: MemoryPort): Promise<CommandReply> {
  const batches = await port.batches(scope, SHOWN);
  if (batches.length === 0) return { text: 'Nothing has been changed yet.' };
  const lines = batches.map(
    ({ id, title, author, createdAt, isUndone }) =>
      `- \`${id}\` ${plain(title, 100)} (${author}, ${ago(createdAt, clock.now())}${isUndone ? ', taken back' : ''})`,
  );
  return { text: `${lines.join('\n')}\n\n\`/memory undo <change>\` takes one back, also one that took another back.` };
}

async function undo({ scope }: CommandContext, port: MemoryPort, words: readonly string[]): Promise<CommandReply> {
  const [wanted] = words;
  const done = await port.undo(scope, wanted?.toUpperCase());
  if (!done)
    throw new AppError(
      'not_found',
      wanted === undefined
        ? 'There is nothing to take back.'
        : 'There is no such change, or it is taken back already. `/memory log` shows them. Nothing was changed.',
    );
  const kept = done.kept > 0 ? ` ${done.kept} had been changed since and stayed.` : '';
  return {
    text: `Taken back: ${plain(done.title, 100)}. As before: ${done.restored}.${kept}`,
    buttons: commandButtons([{ label: 'Take that back', command: `/memory undo ${done.batch}` }], 1),
  };
}

async function forget(context: CommandContext, port: MemoryPort, words: readonly string[]): Promise<CommandReply> {
  const isSure = words.at(-1)?.toLowerCase() === 'yes';
  const asked = isSure ? words.slice(0, -1) : words;
  const { what, title } = forgetOf(context, asked);
  // One entry that is named is meant; more than that is asked about, since nothing brings it back.
  if (!('entries' in what) && !isSure)
    return {
      text: `That deletes ${title} for good, with all earlier versions. Are you sure?`,
      buttons: commandButtons([{ label: 'Forget it', command: `/memory forget ${asked.join(' ')} yes` }], 1),
    };
  const { count, outside } = await port.forget(context.scope, what);
  // What was said in conversations may be known outside though nothing is remembered of it here.
  const mayBeOutside = outside.length > 0 && ('person' in what || 'session' in what);
  if (count === 0 && !mayBeOutside)
    throw new AppError('not_found', 'There is nothing of that in memory. Nothing was changed.');
  const here = `Forgotten for good: ${title} (${count}). What was said in conversations is still there.`;
  return { text: [here, ...outside].join('\n\n') };
}

const SOURCES: Readonly<Record<string, ForgetWhat>> = {
  agent: { author: 'agent' },
  review: { author: 'review' },
  file: { author: 'file' },
  person: { author: 'person' },
  others: { origin: 'foreign' },
};

function forgetOf(context: CommandContext, words: readonly string[]): { what: ForgetWhat; title: string } {
  const [kind = '', name = ''] = words.map((word) => word.toLowerCase());
  if (kind === 'session') {
    const session = words[1] === undefined ? context.session.id : sessionId(words[1]);
    return {
      what: { session },
      title: words[1] === undefined ? 'what came from this conversation' : 'what came from it',
    };
  }
  if (kind === 'source') {
    const what = Object.hasOwn(SOURCES, name) ? SOURCES[name] : undefined;
    if (what) return { what, title: `what came from ${name === 'others' ? 'text of others' : `the ${name}`}` };
    throw new AppError('bad_input', `Sources are ${Object.keys(SOURCES).join(', ')}. Nothing was changed.`);
  }
  if (kind === 'me' || kind === 'everything') return { what: { person: true }, title: 'all that came from you here' };
  const entries = idsOf(words, 'forget');
  if (entries === 'all') throw new AppError('bad_input', '`/memory forget me` forgets all. Nothing was changed.');
  return { what: { entries }, title: entries.length === 1 ? 'one entry' : `${entries.length} entries` };
}

function idsOf(words: readonly string[], verb: string): readonly number[] | 'all' {
  const ids = words.flatMap((word) => word.split(',')).filter((word) => word !== '');
  if (ids.length === 1 && ids[0]?.toLowerCase() === 'all') return 'all';
  if (ids.length > 0 && ids.length <= 100 && ids.every((id) => /^\d{1,15}$/.test(id))) return ids.map(Number);
  throw new AppError('bad_input', `Which one? \`/memory ${verb} <number>\`, as in the list. Nothing was changed.`);
}

function line(entry: MemoryEntry): string {
  const marks = [
    entry.state === 'superseded' ? 'no longer so' : '',
    entry.place === 'archive' && entry.state === 'active' ? 'archive' : '',
  ].filter((mark) => mark !== '');
  return `- ${entry.id}: ${said(entry)}${marks.length > 0 ? ` (${marks.join(', ')})` : ''}`;
}

function said(entry: MemoryEntry): string {
  if (entry.state === 'blocked') return `[BLOCKED: ${plain(entry.reason ?? 'it may not be shown', 100)}]`;
  return plain(entry.text, TEXT_CHARS);
}
