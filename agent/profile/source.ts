// What is known of the person, in the prompt: the surest claims as they were when the session began, what changed since at the end of each
// request. What the person says of themselves in so many words counts from the next turn on; all else waits for the background review.
import { listCore } from '../../data/memory/entries.ts';
import { listClaims } from '../../data/profile/claims.ts';
import {
  dropProfileSnapshot,
  getProfileSnapshot,
  keepProfileSnapshot,
  profileLines,
} from '../../data/profile/snapshots.ts';
import type { Db } from '../../data/db.ts';
import { isGroupScope, type Scope } from '../../data/scope.ts';
import type { SessionId } from '../../shared/ids.ts';
import type { KnowledgeAt, KnowledgeSource, KnownSection } from '../knowledge.ts';
import { scanMemory } from '../memory/scan.ts';
import { isCovered } from '../memory/similar.ts';

/** About 300 tokens. */
const PROMPT_CHARS = 1_100;
const CHANGES_CHARS = 500;
const HEADER = 'Known of this person from what they said (a claim may be out of date; their present words win):';

export function makeProfileSource(db: Db): KnowledgeSource {
  async function snapshot(scope: Scope, session: SessionId) {
    const known = await getProfileSnapshot(db, scope, session);
    if (known) return known;
    const isRemembered = await rememberedIn(scope);
    // What its person set down themselves is meant as it stands.
    const fixed = new Set((await listClaims(db, scope)).filter(({ isFixed }) => isFixed).map(({ text }) => text));
    const fresh = (await profileLines(db, scope, PROMPT_CHARS)).filter(
      (line) => !isRemembered(line) && (fixed.has(line) || !scanMemory(line)),
    );
    return keepProfileSnapshot(db, scope, session, fresh.map((line) => `- ${line}`).join('\n'));
  }

  /** Whether USER.md says it already. */
  async function rememberedIn(scope: Scope) {
    const core = (await listCore(db, scope, 'user')).map(({ text }) => text);
    return (line: string) => core.some((entry) => isCovered(line, entry));
  }

  /** What the prompt of the session does not say yet, or says wrongly. */
  async function changes({ scope, session }: KnowledgeAt): Promise<readonly KnownSection[]> {
    const { text, madeAt } = await snapshot(scope, session);
    const told = new Set(text.split('\n').map((line) => line.slice(2)));
    const changed = (await listClaims(db, scope)).filter(
      (claim) => claim.changedAt >= madeAt && told.has(claim.text) !== (claim.state === 'active'),
    );
    if (changed.length === 0) return [];
    const isRemembered = await rememberedIn(scope);
    const lines: string[] = [];
    let left = CHANGES_CHARS;
    for (const claim of changed) {
      const isActive = claim.state === 'active';
      const line = `${isActive ? 'Now known' : claim.state === 'doubtful' ? 'In doubt' : 'No longer true'}: ${claim.text}`;
      if ((isActive && isRemembered(claim.text)) || line.length > left) continue;
      if (!claim.isFixed && scanMemory(claim.text)) continue;
      left -= line.length;
      lines.push(line);
    }
    return lines.length === 0 ? [] : [{ title: 'About this person', lines, isForeign: false }];
  }

  const isAbout = (at: KnowledgeAt) => !at.isWorker && !isGroupScope(at.scope);
  return {
    name: 'profile',
    async prompt(at) {
      const { text } = isAbout(at) ? await snapshot(at.scope, at.session) : { text: '' };
      return { text: text === '' ? '' : `${HEADER}\n${text}`, isForeign: false };
    },
    open: (task) => ({ note() {}, sections: async () => (isAbout(task) ? changes(task) : []) }),
    async ended({ scope, session, turn }) {
      const { noteStatements } = await import('./revise.ts');
      await noteStatements(db, scope, { session, turn });
    },
    async compressed({ scope, session }) {
      await dropProfileSnapshot(db, scope, session);
    },
  };
}
