// What is looked at when a job is made or changed: whether its commands may run without anybody being asked, and what is odd about it.
import type { Scope } from '../../data/scope.ts';
import { spanText } from '../../scheduler/schedule/describe.ts';
import type { JobParts } from '../../scheduler/stored.ts';
import type { Actor, Script } from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import { preview } from '../../shared/text.ts';

/** A job that asks the model more often than this says so. */
const OFTEN_MS = 15 * 60_000;

/** What the policy says of a command that nobody is asked about when it runs. */
export interface ScriptVerdict {
  /** Why it is never run; undefined: it may be. */
  forbidden?: string | undefined;
  /** Why its person would be asked before it runs; undefined: they would not. */
  risk?: string | undefined;
  /** Whether it reaches beyond the workspace. */
  isOutside: boolean;
}

export interface CheckPorts {
  /** Default: everything may run. */
  assessScript?: ((scope: Scope, script: Script) => Promise<ScriptVerdict>) | undefined;
  /** The first of these skills that is not there; undefined: all are. */
  missingSkill?: ((scope: Scope, names: readonly string[]) => Promise<string | undefined>) | undefined;
  hasJob?: ((scope: Scope, name: string) => Promise<boolean>) | undefined;
}

type Checked = Pick<JobParts, 'work' | 'condition'>;

/**
 * Whether its person must confirm the job, since it runs what they would be asked about. Rejects with AppError `not_allowed` for what is never
 * run, and for what an agent would have to ask about.
 */
export async function mustConfirm(
  { assessScript }: CheckPorts,
  job: Checked,
  { scope, actor }: { scope: Scope; actor: Actor },
): Promise<boolean> {
  let isRisky = false;
  for (const script of scriptsOf(job)) {
    const { forbidden, risk } = (await assessScript?.(scope, script)) ?? {};
    if (forbidden !== undefined)
      throw new AppError('not_allowed', `The command would never be run: ${forbidden} Nothing was made.`);
    if (risk === undefined) continue;
    if (actor.by === 'agent')
      throw new AppError(
        'not_allowed',
        `The person would be asked about this command, and a job asks nobody: ${risk} They can make the job themselves with \`herald cron add\`. Nothing was made.`,
      );
    isRisky = true;
  }
  return isRisky;
}

/** What is odd about a job, one line each. `nextRuns` in ms since the epoch. */
export async function warningsOf(
  ports: CheckPorts,
  job: Checked,
  { scope, nextRuns }: { scope: Scope; nextRuns: readonly number[] },
): Promise<readonly string[]> {
  const { work } = job;
  const lines: string[] = [];
  const [first, second] = nextRuns;
  if (work.kind === 'prompt' && first !== undefined && second !== undefined && second - first < OFTEN_MS)
    lines.push(`It asks the model every ${spanText(second - first)}.`);
  for (const script of scriptsOf(job)) lines.push(...scriptLines(await ports.assessScript?.(scope, script)));
  if (work.kind !== 'prompt') return lines;
  const skill = await ports.missingSkill?.(scope, work.skills ?? []);
  if (skill !== undefined) lines.push(`The skill "${preview(skill, 60)}" is not there yet; without it no run begins.`);
  for (const name of work.contextFrom ?? [])
    if ((await ports.hasJob?.(scope, name)) === false) lines.push(`There is no job "${preview(name, 60)}" yet.`);
  return lines;
}

function scriptLines(verdict: ScriptVerdict | undefined): readonly string[] {
  if (!verdict) return [];
  const { forbidden, risk, isOutside } = verdict;
  if (forbidden !== undefined) return [`Its command will not be run: ${forbidden}`];
  if (risk !== undefined) return [`Nobody is asked when its command runs, and you would be: ${risk}`];
  return isOutside ? ['Its command can reach beyond the workspace: commands are not kept apart here.'] : [];
}

/** Each command that it runs by itself. */
function scriptsOf({ work, condition }: Checked): readonly Script[] {
  return [
    ...(work.kind === 'script' ? [work.script] : []),
    ...(work.kind === 'prompt' && work.script ? [work.script] : []),
    ...(condition?.kind === 'script' ? [condition.script] : []),
  ];
}
