// A look back at what a person said since the last one: what it says about them becomes evidence for and against claims. With a model by a
// dialectic pass, and always by what they said in so many words.
import { listHistory, messagesOfTurn } from '../../data/messages.ts';
import { listClaims } from '../../data/profile/claims.ts';
import {
  listOwnMessages,
  reviseClaims,
  type ClaimChange,
  type OwnMessage,
  type RevisionResult,
} from '../../data/profile/revision.ts';
import type { Db } from '../../data/db.ts';
import { isGroupScope, type Scope } from '../../data/scope.ts';
import { asAppError } from '../../shared/errors.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { AuxiliaryRequest } from '../auxiliary.ts';
import type { ModelReply } from '../providers/types.ts';
import { scanMemory } from '../memory/scan.ts';
import { dialecticRequest, readDialectic } from './dialectic.ts';
import { ownWords } from './own-words.ts';
import { findStatements } from './statements.ts';

/** Messages of one pass; what is left waits for the next. */
const MAX_MESSAGES = 60;
/** Shorter messages ("ok", "thanks") say nothing about anybody. */
const MIN_CHARS = 8;

export interface ReviseInput {
  db: Db;
  log: Logger;
  /** One metered call of a cheap model with cause 'profile'; rejects with AppError. Undefined: there is none, and statements must do. */
  ask: ((request: AuxiliaryRequest, at: { scope: Scope; session: SessionId }) => Promise<ModelReply>) | undefined;
}

/**
 * Looks at what the person said since the last pass; a group has no person and nothing is done. Idempotent: what was looked at is not looked
 * at again. When the model fails, statements still count and the messages wait for the next pass. Rejects with AppError of the database only.
 */
export async function revise(input: ReviseInput, scope: Scope): Promise<RevisionResult> {
  const nothing = { applied: 0, dropped: 0 };
  const busy = running.get(input.db.writes) ?? new Set<string>();
  running.set(input.db.writes, busy);
  if (isGroupScope(scope) || busy.has(scope.person)) return nothing;
  busy.add(scope.person);
  try {
    return (await pass(input, scope)) ?? nothing;
  } finally {
    busy.delete(scope.person);
  }
}

/** People who are looked back at just now: two passes at once would pay twice for the same. */
const running = new WeakMap<Db['writes'], Set<string>>();

async function pass(input: ReviseInput, scope: Scope): Promise<RevisionResult | undefined> {
  const said = await listOwnMessages(input.db, scope, { limit: MAX_MESSAGES });
  const last = said.at(-1);
  if (!last) return undefined;
  const messages = tellingOf(said);
  const stated = await applyStatements(input.db, scope, messages);
  const asked = messages.length === 0 ? 'nothing' : await askModel(input, scope, { messages, session: last.session });
  const changes = typeof asked === 'string' ? [] : harmless(asked);
  const through = asked === 'failed' ? undefined : last.id;
  const judged = await reviseClaims(input.db, scope, { changes, messages, through });
  return { applied: stated.applied + judged.applied, dropped: stated.dropped + judged.dropped };
}

/** Counts what the person said in one turn in so many words; the turn is looked at by the next pass all the same. */
export async function noteStatements(
  db: Db,
  scope: Scope,
  { session, turn }: { session: SessionId; turn: TurnId },
): Promise<void> {
  if (isGroupScope(scope)) return;
  // Most turns say nothing of the kind, and the history is at hand.
  const isTelling = messagesOfTurn(await listHistory(db, scope, session), turn).some(
    (message) =>
      message.role === 'user' &&
      findStatements([{ ...message, text: ownWords(message.text), platform: undefined, saidAt: 0, isCited: false }], [])
        .length > 0,
  );
  if (!isTelling) return;
  const said = tellingOf(await listOwnMessages(db, scope, { limit: MAX_MESSAGES, turn }));
  if (said.length > 0) await applyStatements(db, scope, said);
}

async function applyStatements(db: Db, scope: Scope, messages: readonly OwnMessage[]): Promise<RevisionResult> {
  // What a message says is taken once and all of it, so that an old one does not speak against what came later.
  const fresh = messages.filter(({ isCited }) => !isCited);
  const open = (await listClaims(db, scope)).filter(({ state }) => state === 'active' || state === 'doubtful');
  const changes = harmless(findStatements(fresh, open));
  return changes.length === 0 ? { applied: 0, dropped: 0 } : reviseClaims(db, scope, { changes, messages });
}

/** What somebody pasted without marks reads like their own words; what would steer the agent is not believed of anybody. */
function harmless(changes: readonly ClaimChange[]): readonly ClaimChange[] {
  return changes.filter((change) => change.op !== 'new' || !scanMemory(change.text));
}

function tellingOf(said: readonly OwnMessage[]): readonly OwnMessage[] {
  return said
    .map((message) => ({ ...message, text: ownWords(message.text) }))
    .filter(({ text }) => text.length >= MIN_CHARS || /[^\p{Script=Latin}\P{L}]/u.test(text));
}

async function askModel(
  { db, log, ask }: ReviseInput,
  scope: Scope,
  { messages, session }: { messages: readonly OwnMessage[]; session: SessionId },
) {
  if (!ask) return 'nothing';
  try {
    const reply = await ask(dialecticRequest(await listClaims(db, scope), messages), { scope, session });
    const changes = readDialectic(reply.text);
    if (!changes) log.info({ session }, 'the model of the person was not revised: the answer was none');
    return changes ?? 'nothing';
  } catch (error) {
    const { code } = asAppError(error);
    log.info({ session, code }, 'the model of the person was not revised; the messages wait');
    return 'failed';
  }
}
