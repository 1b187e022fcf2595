// What the agent is told of skills in a turn: those that fit its words, within a fixed number of tokens however many there are, and which ones
// this conversation has loaded already.
import type { Db } from '../../data/db.ts';
import { listSkillLoads } from '../../data/learning/skill-marks.ts';
import type { ListedSkill } from '../../skills/catalog.ts';
import type { OpenedLibrary } from '../../skills/library.ts';
import { preview } from '../../shared/text.ts';
import { estimateTokens } from '../context/tokens.ts';
import type { KnowledgeSource, KnowledgeTask, KnownSection } from '../knowledge.ts';
import { rankSkills } from './rank.ts';
import { whyNotShown, type SkillSurroundingsInput } from './visible.ts';

const TITLE = 'Skills (skill_view reads one; do that before what it is for)';
const LOADED = 'Loaded skills of this conversation';
const MAX_LINE_CHARS = 160;
const MAX_LOADED = 20;

export interface SkillsSourceInput extends SkillSurroundingsInput {
  db: Db;
  library: Pick<OpenedLibrary, 'list'>;
}

export function makeSkillsSource(input: SkillsSourceInput): KnowledgeSource {
  return {
    name: 'skills',
    open(task) {
      let text = task.text;
      let index: Promise<KnownSection> | undefined;
      return {
        note(more) {
          text += `\n${more}`;
          index = undefined;
        },
        async sections() {
          index ??= indexSection(input, task, text);
          return [await index, await loadedSection(input, task)];
        },
      };
    },
  };
}

async function indexSection(input: SkillsSourceInput, task: KnowledgeTask, text: string): Promise<KnownSection> {
  const at = { platform: task.address.platform, chatSkills: task.chatSkills, tools: task.tools };
  const skills = task.tools.includes('skill_view') ? await input.library.list(task.scope, task.session) : [];
  const shown = skills.filter((skill) => whyNotShown(skill, input, at) === undefined);
  const isFirst = ({ name, pinned }: ListedSkill) => pinned || task.chatSkills?.[name] === 'on';
  const lines = indexLines(rankSkills(shown, text), isFirst, input.settings().index_tokens);
  return { title: TITLE, lines, isForeign: false };
}

/** The index within `maxTokens`: what is pinned and what fits with its description, of the others as many names as there is room for. */
export function indexLines(
  ranked: ReturnType<typeof rankSkills<ListedSkill>>,
  isFirst: (skill: ListedSkill) => boolean,
  maxTokens: number,
): readonly string[] {
  const pinned = ranked.filter(({ info }) => isFirst(info));
  const fitting = ranked.filter(({ info, score }) => score > 0 && !isFirst(info));
  const others = ranked.filter(({ info, score }) => score === 0 && !isFirst(info)).map(({ info }) => info.name);
  // The last line says how many are not there; it must always fit.
  let left = maxTokens - estimateTokens(`${TITLE}:\n… 9999 more; skills_list finds them`);
  const lines: string[] = [];
  const names: string[] = [];
  for (const { info } of [...pinned, ...fitting]) {
    const line = `- ${info.name}${info.trust === 'community' ? ' (not trusted yet)' : `: ${info.description}`}`;
    const cut = preview(line, MAX_LINE_CHARS);
    const cost = estimateTokens(`${cut}\n`);
    if (cost > left) {
      others.unshift(info.name);
      continue;
    }
    left -= cost;
    lines.push(cut);
  }
  for (const name of others) {
    const cost = estimateTokens(`, ${name}`) + (names.length === 0 ? 6 : 0);
    if (cost > left) break;
    left -= cost;
    names.push(name);
  }
  const missing = others.length - names.length;
  if (names.length > 0) lines.push(`${lines.length === 0 ? '' : 'also: '}${names.join(', ')}`);
  if (missing > 0) lines.push(`… ${missing} more; skills_list finds them`);
  return lines;
}

/** Their text may have gone with older history; that they were loaded must not. */
async function loadedSection({ db }: SkillsSourceInput, { scope, session }: KnowledgeTask): Promise<KnownSection> {
  const loads = (await listSkillLoads(db, scope, session)).slice(-MAX_LOADED);
  const names = loads.map(({ skill }) => skill).join(', ');
  const lines = loads.length === 0 ? [] : [`${names} (skill_view again when the text is no longer above)`];
  return { title: LOADED, lines, isForeign: false };
}
