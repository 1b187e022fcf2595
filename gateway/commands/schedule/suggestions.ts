// /suggestions: jobs that are proposed because the person asked for the same thing at the same time again and again.
import { getPersonSettings, setPersonSettings } from '../../../data/process/person-settings.ts';
import { listSaid } from '../../../data/messages.ts';
import type { JobService } from '../../../scheduler/types.ts';
import { AppError } from '../../../shared/errors.ts';
import { normalized, suggestJobs, type Said, type Suggestion } from '../../jobs/suggest.ts';
import { commandButtons, counted, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';
import { actorOf, idOf, jobsOf } from './job-access.ts';
import { readBack } from './job-text.ts';

const LOOK_BACK_MS = 30 * 86_400_000;
const PAGE = 500;
const MAX_PAGES = 20;
const MAX_DECLINED = 200;

export const suggestions: Command = {
  name: 'suggestions',
  aliases: [],
  description: 'What I could do by myself, from what you often ask',
  usage: '[accept|no <number>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context): Promise<CommandReply> {
    const jobs = jobsOf(context);
    if (context.address.kind !== 'dm') return { text: 'I say that in a direct message only.' };
    const [verb = '', which = ''] = context.args.trim().split(/\s+/);
    const found = await find(context, jobs);
    if (verb === '') return { text: textOf(found), buttons: buttonsOf(found) };
    const one = found.find(({ key }) => key === which) ?? found[Number(which) - 1];
    if (!one) throw new AppError('not_found', '`/suggestions` lists what there is now. Nothing was changed.');
    if (verb === 'accept') return accept(context, jobs, one);
    if (verb === 'no') return decline(context, one);
    throw new AppError(
      'bad_input',
      'I know `/suggestions`, `/suggestions accept <number>` and `/suggestions no <number>`.',
    );
  },
};

async function find(context: CommandContext, jobs: JobService): Promise<readonly Suggestion[]> {
  const { db, scope, person } = context;
  const { declined = [] } = await getPersonSettings(db, person.id);
  const planned = new Set(
    (await jobs.list(scope)).map(({ work }) => (work.kind === 'prompt' ? normalized(work.prompt) : '')),
  );
  return suggestJobs(await readSaid(context), await jobs.timezone(scope)).filter(
    ({ key, text }) => !declined.includes(key) && !planned.has(normalized(text)),
  );
}

/** What the person themselves wrote in the last 30 days. */
async function readSaid({ db, scope, clock }: CommandContext): Promise<readonly Said[]> {
  const since = clock.now() - LOOK_BACK_MS;
  const said: Said[] = [];
  let before: number | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const rows = await listSaid(db, scope, { before: before ?? Number.MAX_SAFE_INTEGER, limit: PAGE });
    for (const { role, origin, text, createdAt } of rows)
      if (role === 'user' && (origin === 'owner' || origin === 'member') && createdAt >= since)
        said.push({ text, at: createdAt });
    const [oldest] = rows;
    if (!oldest || rows.length < PAGE || oldest.createdAt < since) break;
    before = oldest.id;
  }
  return said;
}

function textOf(found: readonly Suggestion[]): string {
  if (found.length === 0) return 'I see nothing that you ask for again and again at the same time.';
  const lines = found.map(
    ({ text, when, days }, index) =>
      `${index + 1}. "${plain(text, 160)}" — ${when}? You asked on ${counted(days, 'day')} of the last 30.`,
  );
  return ['I could do this by myself:', ...lines].join('\n');
}

function buttonsOf(found: readonly Suggestion[]): ReturnType<typeof commandButtons> {
  return commandButtons(
    found.flatMap(({ key }, index) => [
      { label: `${index + 1}: yes`, command: `/suggestions accept ${key}` },
      { label: `${index + 1}: no`, command: `/suggestions no ${key}` },
    ]),
    2,
  );
}

async function accept(context: CommandContext, jobs: JobService, { text, when }: Suggestion): Promise<CommandReply> {
  const made = await jobs.create(context.scope, actorOf(context), {
    id: idOf(context),
    when,
    work: { kind: 'prompt', prompt: text },
    origin: context.address,
  });
  return readBack(made.job, made.plan);
}

async function decline({ db, person }: CommandContext, { key }: Suggestion): Promise<CommandReply> {
  const settings = await getPersonSettings(db, person.id);
  const declined = [...(settings.declined ?? []).filter((one) => one !== key), key].slice(-MAX_DECLINED);
  await setPersonSettings(db, person.id, { ...settings, declined });
  return { text: 'I do not propose that again.' };
}
