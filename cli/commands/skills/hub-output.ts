// How what the hub found and did looks in a terminal. Names, texts and findings are of strangers: nothing of them reaches it unfiltered.
import type { AuditReport } from '../../../skills/hub/manage.ts';
import type { Inspection, Installation, Judged, UpdateResult } from '../../../skills/hub/install.ts';
import type { FoundSkill } from '../../../skills/hub/types.ts';
import { formatBytes, formatPreview, formatTable, formatTime, printable } from '../../output.ts';

const MAX_TEXT = 20_000;

export function formatFound(skills: readonly FoundSkill[]): string {
  return formatTable(
    skills.map(({ reference, trust, installs, description }) => [
      formatPreview(reference, 100),
      trust,
      installs === undefined ? '' : `${installs} installs`,
      formatPreview(description, 80),
    ]),
  );
}

export function formatInspection(inspection: Inspection): string {
  if (inspection.kind === 'several') return formatFound(inspection.skills);
  const { skill, files, text, outcome, taken } = inspection;
  const outcomes = {
    allowed: 'It can be installed.',
    'needs-force':
      'It is installed with --force only: nobody vouches for it, and there are findings to be careful with.',
    blocked: 'It cannot be installed.',
  } as const;
  return [
    formatJudged(skill),
    formatTable(files.map(({ path, bytes }) => [`  ${formatPreview(path, 200)}`, formatBytes(bytes)])),
    '',
    printable(text.slice(0, MAX_TEXT)).trimEnd(),
    ...(text.length > MAX_TEXT ? ['… the rest is left out'] : []),
    '',
    `${outcomes[outcome]}${taken === undefined ? '' : ` The name is taken: ${formatPreview(taken, 200)}.`}`,
  ].join('\n');
}

export function formatInstallation({ status, skill, reason, canForce }: Installation): string {
  const done = {
    installed: `${skill.name} is installed.${foreignHint(skill)}`,
    updated: `${skill.name} is updated.${foreignHint(skill)}`,
    unchanged: `${skill.name} is installed already and has not changed.`,
    blocked: formatBlocked(skill.name, reason, canForce),
  } as const;
  return `${formatJudged(skill)}\n${done[status]}`;
}

export function formatUpdates(results: readonly UpdateResult[]): string {
  return results.map(formatUpdate).join('\n\n');
}

function formatUpdate({ name, status, skill, diff, reason, canForce }: UpdateResult): string {
  const parts = diff === undefined ? [] : [printable(diff).trimEnd()];
  if (skill) parts.push(formatJudged(skill));
  switch (status) {
    case 'unchanged':
      return `${name} has not changed.`;
    case 'failed':
      return `${name} could not be updated. ${printable(reason ?? '')}`;
    case 'available':
      return [...parts, `${name} has changed. Nothing was updated.`].join('\n');
    case 'updated':
      return [
        ...parts,
        `${name} is updated; \`herald skills update ${name} --back\` undoes it.${skill ? foreignHint(skill) : ''}`,
      ].join('\n');
    case 'blocked':
      return [...parts, formatBlocked(name, reason, canForce)].join('\n');
  }
}

export function formatAudit({ skills, log }: AuditReport): string {
  const rows = skills.map(({ name, state, trust, verdictNow, entry }) => [
    name,
    state === 'ok' ? 'as installed' : state === 'changed' ? 'CHANGED on the disk: not used' : 'MISSING',
    trust,
    verdictNow,
    formatPreview(entry.identifier, 100),
  ]);
  const details = skills.flatMap(({ name, differs, findingsNow }) => [
    ...differs.map((file) => `  ${name}: differs: ${formatPreview(file, 200)}`),
    ...findingsNow.map((line) => `  ${name}: ${formatPreview(line, 200)}`),
  ]);
  const entries = log.map(({ at, action, name, verdict, forced }) => [
    formatTime(at),
    action,
    name,
    verdict ?? '',
    forced === true ? 'forced' : '',
  ]);
  return [
    rows.length === 0 ? 'No skills are installed.' : formatTable(rows),
    ...details,
    ...(entries.length === 0 ? [] : ['', formatTable(entries)]),
  ].join('\n');
}

function formatJudged({ name, description, identifier, revision, trust, verdict, findings }: Judged): string {
  return [
    `${name}: ${formatPreview(description, 300)}`,
    `from ${formatPreview(identifier, 200)}${revision === undefined ? '' : ` at ${revision.slice(0, 19)}`}, ${trust}, ${verdict}`,
    ...findings.map((line) => `  ${formatPreview(line, 200)}`),
  ].join('\n');
}

function formatBlocked(name: string, reason: string | undefined, canForce: boolean | undefined): string {
  const next = canForce === true ? ' When you have read it and want it all the same: --force.' : '';
  return `${name} was not installed: ${reason ?? 'it is blocked'}.${next}`;
}

/** What a skill of strangers is good for until somebody vouches for it. */
export function foreignHint({ name, trust }: Pick<Judged, 'name' | 'trust'>): string {
  return trust === 'community'
    ? ` Its text counts as the words of strangers until you have read it and say: herald skills trust ${name}`
    : '';
}
