// /cron on and /cron off: a message, a file or a process begins a job, and no longer does.
import { listTriggers } from '../../../data/schedule/triggers.ts';
import type { JobService } from '../../../scheduler/types.ts';
import { AppError } from '../../../shared/errors.ts';
import { eventText, storedEventText, type TriggerService, type WantedEvent } from '../../triggers/arm.ts';
import { code, plain } from '../format.ts';
import type { CommandContext, CommandReply } from '../types.ts';
import { planText } from './job-text.ts';

const HOW =
  'Such as `/cron on message from shop.test with invoice: <what>`, `/cron on file in/data.csv: <what>`, `/cron on process build: <what>`; ' +
  'or with a job that is there: `/cron on <job> message from shop.test`.';

export async function on(context: CommandContext, jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  if (words.join('').trim() === '') return list(context, jobs);
  const triggers = requireTriggers(context);
  const { scope, address, person } = context;
  const [first = '', ...rest] = words;
  if (!isKind(first)) {
    const event = readEvent(rest.join(' '));
    const job = await jobs.get(scope, first);
    const { id } = await triggers.arm(scope, job, event);
    return { text: armedText(job.name, { event, id }) };
  }
  const [said, what] = splitAtWhat(words.join(' '));
  const event = readEvent(said);
  if (what === '') throw new AppError('bad_input', `And what shall I do then? ${HOW} Nothing was made.`);
  const { job, plan } = await jobs.create(
    scope,
    { role: person.role, by: 'person' },
    {
      work: { kind: 'prompt', prompt: what },
      origin: address,
    },
  );
  try {
    const { id } = await triggers.arm(scope, job, event);
    return { text: `${planText(plan)}\n\n${armedText(job.name, { event, id })}` };
  } catch (error) {
    // Nothing would ever begin it.
    await jobs.remove(scope, job.id);
    throw error;
  }
}

export async function off(context: CommandContext, _jobs: JobService, words: readonly string[]): Promise<CommandReply> {
  const id = words.join(' ').trim();
  if (id === '') throw new AppError('bad_input', 'Which one? `/cron on` lists what begins jobs.');
  if (!(await requireTriggers(context).disarm(context.scope, id)))
    throw new AppError('not_found', `Nothing of the id ${plain(id)} begins a job. Nothing was changed.`);
  return { text: 'That begins nothing any more. The job stays.' };
}

async function list({ db, scope }: CommandContext, jobs: JobService): Promise<CommandReply> {
  const names = new Map((await jobs.list(scope)).map(({ id, name }) => [id, name]));
  const lines = (await listTriggers(db, scope)).map((trigger) => {
    const event = trigger.kind === 'hook' ? 'something is posted to its webhook' : storedEventText(trigger);
    return `- **${plain(names.get(trigger.job) ?? trigger.job)}** when ${plain(event, 200)}, ${trigger.fired} runs: ${code(`/cron off ${trigger.id}`)}`;
  });
  return { text: lines.length === 0 ? `Nothing but the time begins jobs. ${HOW}` : lines.join('\n') };
}

function armedText(name: string, { event, id }: { event: WantedEvent; id: string }): string {
  return `**${plain(name)}** begins when ${plain(eventText(event), 300)}. ${code(`/cron off ${id}`)} ends that.`;
}

function isKind(word: string): boolean {
  return /^(?:message|mail|file|process):?$/i.test(word);
}

/** "message from a with b, c on d", "file path", "process title". */
function readEvent(text: string): WantedEvent {
  const [, kind = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(text.trim()) ?? [];
  switch (kind.toLowerCase()) {
    case 'file':
      if (rest === '') throw new AppError('bad_input', `Which file of the workspace? ${HOW}`);
      return { kind: 'file', spec: { path: rest } };
    case 'process':
      return { kind: 'process', spec: rest === '' ? {} : { title: rest } };
    case 'mail':
    case 'message':
      return { kind: 'message', spec: readMessage(rest) };
  }
  throw new AppError('bad_input', `A message, a file or a process begins jobs. ${HOW} Nothing was changed.`);
}

function readMessage(text: string): Extract<WantedEvent, { kind: 'message' }>['spec'] {
  const parts = new Map<string, string>();
  for (const [, key = '', value = ''] of text.matchAll(/\b(from|with|on)\s+(.*?)(?=\s+(?:from|with|on)\s|$)/gis))
    parts.set(key.toLowerCase(), value.trim());
  const words = (parts.get('with') ?? '').split(',').map((word) => word.trim());
  const [from, platform] = [parts.get('from'), parts.get('on')];
  return {
    words: words.filter((word) => word !== ''),
    ...(from !== undefined && { from }),
    ...(platform !== undefined && { platform }),
  };
}

/** What stands before a colon with a blank after it, and what stands behind. */
function splitAtWhat(text: string): readonly [string, string] {
  const at = /:\s/.exec(text)?.index;
  return at === undefined ? [text.trim(), ''] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function requireTriggers({ triggers }: CommandContext): TriggerService {
  if (triggers) return triggers;
  throw new AppError('tool_unavailable', 'No event begins anything here.');
}
