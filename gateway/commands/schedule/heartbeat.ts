// /heartbeat: a look at a short checklist now and then, which says something only when there is something to say. Off until it is asked for.
import type { JobDraft, JobService } from '../../../scheduler/types.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';
import { actorOf, idOf, jobsOf, splitAtColon } from './job-access.ts';
import { planText } from './job-text.ts';

const NAME = 'heartbeat';
const FILE = 'HEARTBEAT.md';
const WHEN = 'every 30 minutes';
const QUIET = { from: '22:00', to: '08:00' };
const USAGE = `I know \`/heartbeat\`, \`/heartbeat on [every 30 minutes][: <checklist>]\` and \`/heartbeat off\`. Without a checklist I follow ${FILE} in your workspace, and nothing runs while there is none.`;

const ASK =
  'Go through this checklist. Do what it says and report only what needs the person now; when nothing does, answer exactly [SILENT].';

export const heartbeat: Command = {
  name: 'heartbeat',
  aliases: [],
  description: 'A look at a checklist now and then, silent if all is well',
  usage: '[on [when][: checklist] | off]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context): Promise<CommandReply> {
    const jobs = jobsOf(context);
    const args = context.args.trim();
    const [verb = ''] = args.split(/\s+/);
    const known = (await jobs.list(context.scope)).find(({ name }) => name === NAME);
    switch (verb.toLowerCase()) {
      case '':
        return { text: known ? planText(await jobs.plan(context.scope, known.id)) : `It is off. ${USAGE}` };
      case 'on':
        return turnOn(context, jobs, { known: known?.id, words: args.slice(2).trim() });
      case 'off':
        if (known) await jobs.remove(context.scope, known.id);
        return { text: known ? 'The heartbeat is off.' : 'The heartbeat was off already.' };
      default:
        throw new AppError('bad_input', `${USAGE} Nothing was changed.`);
    }
  },
};

async function turnOn(
  context: CommandContext,
  jobs: JobService,
  { known, words }: { known: string | undefined; words: string },
): Promise<CommandReply> {
  const [when, checklist] = words.startsWith(':') ? ['', words.slice(1).trim()] : splitAtColon(words);
  const draft: JobDraft = {
    id: idOf(context),
    name: NAME,
    when: when === '' ? WHEN : when,
    quiet: QUIET,
    work: {
      kind: 'prompt',
      prompt: checklist === '' ? `${ASK}\n\nIt stands in ${FILE} of the workspace.` : `${ASK}\n\n${checklist}`,
    },
    // Nothing is paid for while there is no checklist.
    condition: checklist === '' ? { kind: 'file', path: FILE, is: 'present' } : undefined,
    origin: context.address,
    policy: { catchUp: 'skip', retries: 0 },
  };
  if (known !== undefined && known !== draft.id) await jobs.remove(context.scope, known);
  const { plan } = await jobs.create(context.scope, actorOf(context), draft);
  return { text: planText(plan) };
}
