// Jobs, plans and runs as commands and notices say them.
import type { BrokenJob, Job, JobPlan, JobWithNext, Occurrence } from '../../../scheduler/types.ts';
import { isWaiting } from '../../../scheduler/waiting.ts';
import { cleanText, preview } from '../../../shared/text.ts';
import { ago, code, commandButtons, money, plain } from '../format.ts';
import type { CommandReply } from '../types.ts';

/** A plan as it is read back: when, next runs, where, what it may do, what it may cost. */
export function planText(plan: JobPlan): string {
  const lines = [
    `**${plain(plan.name)}**: ${plain(plan.when, 200)}`,
    ...(plan.nextRunTexts.length > 0 ? [`- next: ${plan.nextRunTexts.map((text) => plain(text)).join(' · ')}`] : []),
    `- goes to: ${plan.targets.length === 0 ? 'nobody, it is kept in the history' : plan.targets.map((text) => plain(text)).join(', ')}`,
    ...plan.may.map((line) => `- ${plain(line, 1_000)}`),
    ...(plan.capMicroUsd === undefined ? [] : [`- costs at most ${money(plan.capMicroUsd)} each time`]),
    ...plan.warnings.map((line) => `- note: ${plain(line, 300)}`),
  ];
  return lines.join('\n');
}

/** A plan for its person, with what can be done about it. What waits for them says so. */
export function readBack(job: Job, plan: JobPlan): Pick<CommandReply, 'text' | 'buttons'> {
  const waits = isWaiting(job);
  const choice = (label: string, verb: string) => ({ label, command: `/cron ${verb} ${job.id}` });
  const foot = waits ? `Shall I? It begins when you confirm it: ${jobCode(job, 'confirm')}.` : 'It is planned.';
  return {
    text: `${planText(plan)}\n\n${foot}`,
    buttons: commandButtons(
      [...(waits ? [choice('Confirm', 'confirm')] : []), choice('Change', 'change'), choice('Remove', 'remove')],
      3,
    ),
  };
}

/** One line of a list. */
export function jobLine(job: JobWithNext, now: number): string {
  const when = plain(`${job.schedule.text} (${job.schedule.timezone})`, 120);
  const state =
    job.state === 'active' ? '' : ` — ${job.state}${job.stateReason ? `: ${plain(job.stateReason, 120)}` : ''}`;
  const next = job.nextRunAt === undefined ? '' : `, next ${inWords(job.nextRunAt - now)}`;
  const failing = job.failures > 0 ? `, failed ${job.failures} times in a row` : '';
  return `- **${plain(job.name)}**: ${when}${next}${failing}${state}`;
}

export function brokenLine(job: BrokenJob): string {
  return `- **${plain(job.name)}**: broken, it cannot be read as it is stored and does not run; ${jobCode(job, 'remove')} removes it`;
}

export function runLine(run: Occurrence, now: number): string {
  const cost = run.tokens > 0 ? `, ${money(run.costMicroUsd)}` : '';
  const said = run.reason ?? run.result ?? '';
  const about = said === '' ? '' : `: ${plain(preview(cleanText(said), 160), 160)}`;
  const delivery = run.delivery === 'none' || run.delivery === 'sent' ? '' : `, delivery ${run.delivery}`;
  return `- ${ago(run.scheduledAt, now)} **${run.state}**${delivery}${cost}${about}`;
}

/** How to name a job in a command. */
export function jobCode(job: { id: string }, verb: string): string {
  return code(`/cron ${verb} ${job.id}`);
}

function inWords(ms: number): string {
  const minutes = Math.max(0, Math.round(ms / 60_000));
  if (minutes < 1) return 'now';
  if (minutes < 90) return `in ${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `in ${hours} h` : `in ${Math.round(hours / 24)} days`;
}
