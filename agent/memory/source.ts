// What the memory says in a turn: the core in the system prompt, the same throughout a session and over restarts; at the end of each request
// what has changed since, and what of the archive fits the person's words.
import type { Db } from '../../data/db.ts';
import { getMemories, listCore, markUsed, type MemoryEntry } from '../../data/memory/entries.ts';
import { estimateTokens } from '../context/tokens.ts';
import type { KnowledgeSource, KnowledgeTask, KnownSection } from '../knowledge.ts';
import type { Memory } from './memory.ts';
import { describeChanges, indent } from './render.ts';

/** Entries recalled unasked, whatever their length. */
const MAX_RECALLED = 8;
const ARCHIVE = 'From the archive of memory, as it may help here';

interface RecalledLine {
  entry: MemoryEntry;
  line: string;
}

export interface MemorySourceDeps {
  db: Db;
  memory: Memory;
}

export function makeMemorySource(deps: MemorySourceDeps): KnowledgeSource {
  const { memory } = deps;
  /** What could not be taken in, until it was told. */
  const problems = new Map<string, readonly string[]>();

  return {
    name: 'memory',
    async prompt({ scope, session, isWorker }) {
      if (isWorker) return { text: '', isForeign: false };
      const found = await memory.takeIn(scope);
      if (found.length > 0) problems.set(scope.space, found);
      return { text: (await memory.snapshot(scope, session)).text, isForeign: false };
    },
    open(task) {
      if (task.isWorker) return { note: () => undefined, sections: async () => [] };
      const told = problems.get(task.scope.space) ?? [];
      problems.delete(task.scope.space);
      let text = task.text;
      let said: Promise<readonly KnownSection[]> | undefined;
      return {
        note(more) {
          text += `\n${more}`;
          said = undefined;
        },
        sections() {
          said ??= sectionsOf(deps, task, { text, problems: told });
          return said;
        },
      };
    },
    compressed: ({ scope, session }) => memory.renew(scope, session),
  };
}

async function sectionsOf(
  deps: MemorySourceDeps,
  { scope, session }: KnowledgeTask,
  { text, problems }: { text: string; problems: readonly string[] },
): Promise<readonly KnownSection[]> {
  const { db } = deps;
  const snapshot = await deps.memory.snapshot(scope, session);
  const core = await listCore(db, scope);
  const now = new Map(core.map((entry) => [entry.id, entry]));
  const left = snapshot.entries.map(({ id }) => id).filter((id) => !now.has(id));
  for (const entry of await getMemories(db, scope, left)) now.set(entry.id, entry);
  const changes = describeChanges(snapshot, core, now);
  const inPrompt = new Set([...core, ...snapshot.entries].map(({ id }) => id));
  const recalled = await recalledLines(deps, scope, { text, inPrompt });
  const isForeign = ({ entry }: RecalledLine) => entry.origin === 'foreign';
  const linesOf = (lines: readonly RecalledLine[]) => lines.map(({ line }) => line);
  return [
    { title: 'Memory files', lines: problems.map((problem) => `- ${problem}`), isForeign: false },
    { title: 'Memory, changed since this conversation began', lines: changes, isForeign: false },
    { title: ARCHIVE, lines: linesOf(recalled.filter((one) => !isForeign(one))), isForeign: false },
    // A person said that it may be kept; what stands in the core is read as theirs, what is dug out keeps its origin.
    { title: `${ARCHIVE}, words of others`, lines: linesOf(recalled.filter(isForeign)), isForeign: true },
  ];
}

async function recalledLines(
  deps: MemorySourceDeps,
  scope: KnowledgeTask['scope'],
  { text, inPrompt }: { text: string; inPrompt: ReadonlySet<number> },
): Promise<readonly RecalledLine[]> {
  const budget = deps.memory.settings().recallTokens;
  if (budget === 0 || text.trim() === '') return [];
  // What is before the model's eyes counts as used when it fits, and is not said twice.
  const limit = MAX_RECALLED + Math.min(inPrompt.size, MAX_RECALLED);
  const found = await deps.memory.find(scope, { text, limit, isUnasked: true });
  const shown = withinBudget(
    found.filter(({ id }) => !inPrompt.has(id)),
    budget,
  );
  const used = [...shown.map(({ entry }) => entry), ...found.filter(({ id }) => inPrompt.has(id))];
  await markUsed(
    deps.db,
    scope,
    used.map(({ id }) => id),
  );
  return shown;
}

/** The first that fit; one that is too long does not keep out the shorter ones after it. */
function withinBudget(
  entries: readonly MemoryEntry[],
  tokens: number,
): readonly { entry: MemoryEntry; line: string }[] {
  const lines: RecalledLine[] = [];
  let left = tokens;
  for (const entry of entries) {
    const line = `- ${indent(entry.text)} (${new Date(entry.createdAt).toISOString().slice(0, 10)})`;
    const cost = estimateTokens(line) + 1;
    if (lines.length >= MAX_RECALLED || cost > left) continue;
    left -= cost;
    lines.push({ entry, line });
  }
  return lines;
}
