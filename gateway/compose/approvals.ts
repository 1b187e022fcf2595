// Asks a person, in the chat where the turn runs, to allow one exact tool call, and waits for the answer. The row decides, so an answer
// given while Herald was down counts too.
import type { Approval } from '../../data/policy/approvals.ts';
import type { ProcessDb } from '../../data/db.ts';
import { readApprovalState } from '../../data/process/approvals.ts';
import { getTurn } from '../../data/process/turns.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { GatewayActions } from '../actions.ts';
import { plain } from '../commands/format.ts';
import { answerButtons, shownArguments } from '../commands/pending-approval.ts';

/** How often the row is looked at while somebody is asked. */
const LOOK_MS = 300;
/** Longer calls are refused instead of being shown in part. */
const MAX_SHOWN_CHARS = 6_000;

/** Resolves when the request is decided or has expired; rejects when `signal` aborts. Shown once, also over restarts. */
export async function askForApproval(
  ports: { db: ProcessDb; clock: Clock; actions: Pick<GatewayActions, 'post'> },
  approval: Approval,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const turn = await getTurn(ports.db, approval.turn);
  if (!turn) throw new AppError('internal', 'The turn that asks is gone. Nothing was done.');
  const shown = shownArguments(approval);
  if (shown.length > MAX_SHOWN_CHARS)
    throw new AppError(
      'not_allowed',
      'This call is too long to be shown whole, so it cannot be allowed. Nothing was done.',
    );
  await ports.actions.post(
    turn.address,
    `May I do this? ${reason}\n\n**${approval.tool}**\n\n${shown}${longer(approval)}`,
    {
      key: `a${approval.id}`,
      kind: 'notice',
      person: approval.person,
      buttons: answerButtons(approval) ?? [],
    },
  );
  while ((await readApprovalState(ports.db, approval.id)) === 'pending') await ports.clock.sleep(LOOK_MS, signal);
}

/** What an answer for longer than once would cover: a button has no room for the whole of it. */
function longer({ grant }: Approval): string {
  return grant ? `\n\nAllowed for longer, it would cover: ${plain(grant.title, 300)}.` : '';
}
