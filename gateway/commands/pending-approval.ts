// Which pending request an /approve or /deny is about. Never a guess: with several open ones the person says which.
import { listPendingApprovals, type Approval } from '../../data/policy/approvals.ts';
import { AppError } from '../../shared/errors.ts';
import { code, commandButtons, fenced, span, withVisibleSigns } from './format.ts';
import type { CommandContext, CommandReply } from './types.ts';

/** Requests that this person was asked here, oldest first. */
export async function listOwnRequests({ db, scope }: CommandContext): Promise<readonly Approval[]> {
  return (await listPendingApprovals(db, scope)).filter((approval) => approval.person === scope.person);
}

/** The request whose id is, or alone begins with, `word`. */
export function requestNamed(requests: readonly Approval[], word: string): Approval | undefined {
  const wanted = word.toUpperCase();
  if (!looksLikeRequestId(wanted)) return undefined;
  const found = requests.filter((request) => request.id.startsWith(wanted));
  return found.length === 1 ? found[0] : undefined;
}

/** Ids are ULIDs of this century: "01" and Crockford's alphabet (https://github.com/ulid/spec, read 2026-11-21). */
export function looksLikeRequestId(word: string): boolean {
  return /^01[0-9A-HJKMNP-TV-Z]{6,24}$/i.test(word);
}

export function nothingPending(): AppError {
  return new AppError(
    'not_found',
    'No request of mine is waiting for your answer; it may have been answered or have expired.',
  );
}

/** Shows all open requests with their whole arguments: what cannot be read must not be approved. */
export function askWhich({ clock }: CommandContext, requests: readonly Approval[]): CommandReply {
  const blocks = requests.map(
    (request) =>
      `**${code(request.tool)}**, id \`${request.id}\`, open for ${span(request.expiresAt - clock.now())}:\n\n${fenced(withVisibleSigns(request.arguments), 'json')}`,
  );
  return {
    text: `${requests.length} requests are waiting. Which one?\n\n${blocks.join('\n\n')}`,
    buttons: commandButtons(
      requests.flatMap((request, index) => [
        { label: `${index + 1}. Allow ${request.tool}`, command: `/approve ${request.id}` },
        { label: `${index + 1}. Deny`, command: `/deny ${request.id}` },
      ]),
      2,
    ),
  };
}
