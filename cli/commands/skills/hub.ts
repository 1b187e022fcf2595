// `herald skills search|inspect|install|update|remove|trust|audit|publish`: skills of others, and one's own for others. Files alone are
// touched, under a lock of their own, so it works the same whether the gateway runs or not.
import { homedir } from 'node:os';
import path from 'node:path';
import { manifests } from '../../../adapters/manifests.ts';
import { loadConfig } from '../../../config/load.ts';
import { composeHub } from '../../../gateway/compose/skill-hub.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import type { Hub } from '../../../skills/hub/hub.ts';
import { readSkillFolder } from '../../../skills/hub/sources/direct.ts';
import type { SkillFiles } from '../../../skills/hub/types.ts';
import { callControl, findOwner } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { formatPreview, printable } from '../../output.ts';
import {
  foreignHint,
  formatAudit,
  formatFound,
  formatInspection,
  formatInstallation,
  formatUpdates,
} from './hub-output.ts';

const DEFAULT_LIMIT = 20;

export async function runSkillsSearch(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const found = await hub.search(given.rest(0).join(' '), { limit: given.number('limit') ?? DEFAULT_LIMIT });
  for (const problem of found.problems) context.note(printable(problem));
  context.print(found, ({ skills }) => (skills.length === 0 ? 'Nothing was found.' : formatFound(skills)));
  return EXIT.ok;
}

export async function runSkillsInspect(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const inspection = await hub.inspect(referenceOf(given.need(0)));
  context.print(inspection, formatInspection);
  return EXIT.ok;
}

export async function runSkillsInstall(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const done = await hub.install(referenceOf(given.need(0)), { force: given.flag('force') });
  context.print(done, formatInstallation);
  return done.status === 'blocked' ? EXIT.failed : EXIT.ok;
}

export async function runSkillsUpdate(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const name = given.arg(0);
  if (given.flag('back')) return goBack(context, hub, name);
  const results = await hub.update(name, { force: given.flag('force'), dryRun: given.flag('check') });
  context.print(results, (all) => (all.length === 0 ? 'No skills are installed.' : formatUpdates(all)));
  return results.some(({ status }) => status === 'blocked' || status === 'failed') ? EXIT.failed : EXIT.ok;
}

async function goBack(context: CliContext, hub: Hub, name: string | undefined): Promise<number> {
  if (name === undefined) throw new AppError('bad_input', 'Name the skill that is to go back.');
  const skill = await hub.rollback(name);
  context.print(
    { name, hash: skill.entry.hash, trust: skill.trust },
    () => `${name} is what it was before the last update.${foreignHint(skill)}`,
  );
  return EXIT.ok;
}

export async function runSkillsRemove(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const removed = await hub.remove(given.need(0));
  context.print(
    removed,
    ({ name, archive }) =>
      `${name} is not installed any more. It is kept in ${path.join(context.home, 'skills', archive)}.`,
  );
  return EXIT.ok;
}

export async function runSkillsTrust(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const name = given.need(0);
  const skill = await hub.trust(name, !given.flag('off'));
  context.print({ name, trust: skill.trust, hash: skill.entry.hash }, () =>
    given.flag('off')
      ? `The text of ${name} counts as the words of strangers.`
      : `The text of ${name} counts as instructions now. An update makes it the words of strangers again, until you trust it anew.`,
  );
  return EXIT.ok;
}

export async function runSkillsAudit(context: CliContext, given: Given): Promise<number> {
  const hub = await openHub(context);
  const report = await hub.audit(given.number('limit') ?? DEFAULT_LIMIT);
  context.print(report, formatAudit);
  return report.skills.some(({ state, verdictNow }) => state !== 'ok' || verdictNow === 'dangerous')
    ? EXIT.failed
    : EXIT.ok;
}

export async function runSkillsPublish(context: CliContext, given: Given): Promise<number> {
  const [to, site] = [given.text('to'), given.text('site')].map((place) => place && path.resolve(fromHome(place)));
  if (to === undefined && site === undefined)
    throw new AppError(
      'bad_input',
      'Say where: --to a folder or a .zip, or --site the top of a site. Nothing was published.',
    );
  const hub = await openHub(context);
  const { name, files } = await findOwn(context, hub, given);
  const published = await hub.publish(files, { name, to, site });
  context.print(
    published,
    ({ written }) => `${name} was written to:\n${written.map((place) => `  ${place}`).join('\n')}`,
  );
  return EXIT.ok;
}

/** A folder when it looks like one, else a skill of the person, as the running gateway has it; without a gateway an installed one. */
async function findOwn(context: CliContext, hub: Hub, given: Given): Promise<{ name: string; files: SkillFiles }> {
  const text = given.need(0);
  if (isPath(text)) {
    const folder = path.resolve(fromHome(text));
    const files = await readSkillFolder(folder).catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause;
      throw new AppError('not_found', `There is no folder ${folder}. Nothing was published.`, { cause });
    });
    return { name: path.basename(folder), files };
  }
  if ((await findOwner(context.home))?.socket !== undefined) {
    const { name, files } = await callControl(context.home, 'skills.files', {
      name: text,
      person: given.text('person'),
    });
    return { name, files: new Map(files.map((file) => [file.path, Buffer.from(file.base64, 'base64')])) };
  }
  const skill = await hub.open(text);
  if (skill?.state === 'ok') return skill;
  throw new AppError(
    'not_found',
    skill
      ? `The files of ${skill.name} are not those that were installed. Nothing was published.`
      : `No skill ${JSON.stringify(formatPreview(text, 80))} is installed. Skills of your own are read from the running gateway: \`herald start\`; a folder is given as ./folder. Nothing was published.`,
  );
}

async function openHub(context: CliContext): Promise<Hub> {
  const loaded = await loadConfig({ home: context.home, manifests });
  return composeHub(loaded, { clock: context.clock, log: silentLog });
}

/** Paths are of the folder that the command runs in. */
function referenceOf(text: string): string {
  return isPath(text) ? `folder:${path.resolve(fromHome(text))}` : text;
}

function isPath(text: string): boolean {
  return /^(?:\.{1,2}(?:$|[\\/])|~(?:$|[\\/])|\/|[A-Za-z]:[\\/])/.test(text);
}

function fromHome(text: string): string {
  return text.replace(/^~(?=$|[\\/])/, homedir());
}
