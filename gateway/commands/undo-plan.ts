// Which exchanges a /retry or /undo takes back. The choice is written down before anything is changed: a command that runs again
// after a crash takes back the same exchanges, not the next older ones.
import { z } from 'zod';
import { listTranscript, undoTurn, type StoredMessage } from '../../data/messages.ts';
import { getCursor, setCursor } from '../../data/process/cursors.ts';
import { listTurnRows } from '../../data/process/turns.ts';
import type { TurnId } from '../../shared/ids.ts';
import type { Origin } from '../../shared/messages.ts';
import type { CommandContext } from './types.ts';

export interface TakenExchange {
  turn: TurnId;
  /** What was asked, joined. */
  text: string;
  origins: readonly Origin[];
  hasFiles: boolean;
}

/** Place of the plan among the cursors; no platform has this id. One row per session. */
const OWNER = { platform: '-', account: 'commands' } as const;

const planSchema = z.object({ row: z.string(), turns: z.array(z.string()) });

/** The last `count` exchanges, newest first, or those that this same command chose before a crash. */
export async function chooseExchanges(context: CommandContext, count: number): Promise<readonly TakenExchange[]> {
  const transcript = await listTranscript(context.db, context.scope, context.session.id);
  const planned = await recallPlan(context);
  if (planned) return exchangesOf(transcript).filter((exchange) => planned.has(exchange.turn));
  return exchangesOf(transcript.filter((message) => message.state === 'active')).slice(0, count);
}

/** Whether every message of the exchange came from the person who asks now. */
export async function isOwnExchange(context: CommandContext, exchange: TakenExchange): Promise<boolean> {
  const rows = await listTurnRows(context.db, exchange.turn);
  return rows.length > 0 && rows.every((row) => row.person === context.person.id);
}

/** Takes the exchanges out of the history, all together as seen by a crash. Idempotent. */
export async function takeBack(context: CommandContext, exchanges: readonly TakenExchange[]): Promise<void> {
  const turns = exchanges.map((exchange) => exchange.turn);
  const value = JSON.stringify({ row: context.row.id, turns } satisfies z.infer<typeof planSchema>);
  await setCursor(context.db, { ...OWNER, key: context.session.id, value });
  for (const turn of turns) await undoTurn(context.db, context.scope, turn);
}

async function recallPlan(context: CommandContext): Promise<ReadonlySet<string> | undefined> {
  const value = await getCursor(context.db, OWNER.platform, OWNER.account, context.session.id);
  if (value === undefined) return undefined;
  const plan = planSchema.parse(JSON.parse(value));
  return plan.row === context.row.id ? new Set(plan.turns) : undefined;
}

function exchangesOf(messages: readonly StoredMessage[]): readonly TakenExchange[] {
  const byTurn = new Map<TurnId, TakenExchange>();
  for (const message of messages) {
    if (message.role !== 'user' || message.turn === undefined) continue;
    const known = byTurn.get(message.turn);
    byTurn.set(message.turn, {
      turn: message.turn,
      text: known ? `${known.text}\n${message.text}` : message.text,
      origins: [...(known?.origins ?? []), message.origin],
      hasFiles: (known?.hasFiles ?? false) || (message.files?.length ?? 0) > 0,
    });
  }
  return [...byTurn.values()].reverse();
}
