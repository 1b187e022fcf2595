// The library of skills on the command line: what there is, its versions, and taking changes back.
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import type { OperationOutput } from '../../../gateway/control/operations.ts';
import { formatPreview, formatTable, formatTime } from '../../output.ts';

type Skill = OperationOutput<'skills.list'>['skills'][number];
type Revision = OperationOutput<'skills.log'>[number];

export async function runSkillsList(context: CliContext, given: Given): Promise<number> {
  const found = await callControl(context.home, 'skills.list', { person: given.text('person') });
  context.print(found, ({ skills, notes }) =>
    [
      skills.length === 0
        ? 'There are no skills.'
        : formatTable(skills.map((one) => [one.name, marksOf(one), formatPreview(one.description, 90)])),
      ...notes.map((note) => formatPreview(note, 300)),
    ].join('\n'),
  );
  return EXIT.ok;
}

function marksOf({ source, trust, revision, isTrial, frozen, pinned, archived }: Skill): string {
  return [
    source,
    trust === 'community' ? 'not trusted' : '',
    revision !== undefined && source !== 'own' ? 'changed here' : '',
    isTrial ? 'on trial' : '',
    frozen ? 'frozen' : '',
    pinned ? 'pinned' : '',
    archived ? 'archived' : '',
  ]
    .filter((mark) => mark !== '')
    .join(', ');
}

export async function runSkillsShow(context: CliContext, given: Given): Promise<number> {
  const skill = await callControl(context.home, 'skills.show', { person: given.text('person'), name: given.need(0) });
  context.print(skill, (value) =>
    [
      `${value.name} (${marksOf(value)}): ${formatPreview(value.description, 1_024)}`,
      '',
      value.body.trimEnd(),
      ...(value.files.length === 0
        ? []
        : ['', 'Files:', ...value.files.map(({ path, bytes }) => `  ${path} (${bytes})`)]),
    ].join('\n'),
  );
  return EXIT.ok;
}

export async function runSkillsLog(context: CliContext, given: Given): Promise<number> {
  const log = await callControl(context.home, 'skills.log', { person: given.text('person'), name: given.arg(0) });
  context.print(log, (revisions) =>
    revisions.length === 0 ? 'No skill was changed here.' : formatTable(revisions.toReversed().map(rowOf)),
  );
  return EXIT.ok;
}

function rowOf(one: Revision): readonly string[] {
  return [
    one.id,
    `${one.skill} ${one.number}`,
    one.state.replace('_', ' '),
    one.author,
    formatTime(one.createdAt),
    formatPreview(`${one.isDeletion ? 'deleted: ' : ''}${one.reason}`, 90),
  ];
}

export async function runSkillsDiff(context: CliContext, given: Given): Promise<number> {
  const found = await callControl(context.home, 'skills.diff', {
    person: given.text('person'),
    version: given.need(0),
  });
  context.print(found, ({ diff, revision }) =>
    [rowOf(revision).join('  '), revision.findings, diff === '' ? 'No difference.' : diff.trimEnd()]
      .filter((part) => part !== '')
      .join('\n'),
  );
  return EXIT.ok;
}

export async function runSkillsApprove(context: CliContext, given: Given): Promise<number> {
  return decide(context, given, true);
}

export async function runSkillsReject(context: CliContext, given: Given): Promise<number> {
  return decide(context, given, false);
}

async function decide(context: CliContext, given: Given, take: boolean): Promise<number> {
  const input = { person: given.text('person'), version: given.need(0), take };
  const decided = await callControl(context.home, 'skills.decide', input);
  context.print(
    decided,
    ({ skill, number }) => `Version ${number} of ${skill} ${take ? 'holds from now on' : 'was not taken'}.`,
  );
  return EXIT.ok;
}

export async function runSkillsRollback(context: CliContext, given: Given): Promise<number> {
  const done = await callControl(context.home, 'skills.rollback', {
    person: given.text('person'),
    name: given.need(0),
    version: given.number('to'),
  });
  context.print(done, ({ name, version, exists }) =>
    version === undefined
      ? `${name} ${exists ? 'is as it came' : 'is gone; --to <version> brings one back'}.`
      : `${name} is at version ${version} again.`,
  );
  return EXIT.ok;
}

const marker =
  (on: { frozen?: boolean; pinned?: boolean; archived?: boolean }, off: typeof on) =>
  async (context: CliContext, given: Given): Promise<number> => {
    const marks = given.flag('off') ? off : on;
    const input = { person: given.text('person'), name: given.need(0), ...marks };
    const skill = await callControl(context.home, 'skills.mark', input);
    context.print(skill, (value) => `${value.name}: ${marksOf(value)}.`);
    return EXIT.ok;
  };

export const runSkillsFreeze = marker({ frozen: true }, { frozen: false });
export const runSkillsPin = marker({ pinned: true }, { pinned: false });
export const runSkillsArchive = marker({ archived: true }, { archived: false });
