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

/**
 * The arguments of a request in markdown, whole: texts of several lines as they are, the rest as JSON. Signs that cannot be seen are
 * written out.
 */
export function shownArguments(approval: Pick<Approval, 'arguments'>): string {
  const json = withVisibleSigns(approval.arguments);
  const parsed: unknown = JSON.parse(approval.arguments);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return fenced(json, 'json');
  const isText = (value: unknown): value is string => typeof value === 'string' && value.includes('\n');
  const entries = Object.entries(parsed);
  const rest = entries.filter(([, value]) => !isText(value));
  const texts = entries.flatMap(([name, value]) =>
    isText(value) ? [`${code(name)}:\n\n${fenced(withVisibleSigns(value))}`] : [],
  );
  if (texts.length === 0) return fenced(json, 'json');
  const short = rest.length === 0 ? [] : [fenced(withVisibleSigns(JSON.stringify(Object.fromEntries(rest))), 'json')];
  return [...short, ...texts].join('\n\n');
}

/** What may be answered, as buttons. */
export function answerButtons({ id, grant }: Approval): CommandReply['buttons'] {
  const longer = grant
    ? [
        { label: 'In this conversation', command: `/approve ${id} session` },
        { label: `Always: ${grant.title}`, command: `/approve ${id} always` },
      ]
    : [];
  return commandButtons(
    [{ label: 'Allow once', command: `/approve ${id}` }, { label: 'Deny', command: `/deny ${id}` }, ...longer],
    2,
  );
}

/** Shows all open requests with their whole arguments: what cannot be read must not be approved. */
export function askWhich({ clock }: CommandContext, requests: readonly Approval[]): CommandReply {
  const blocks = requests.map(
    (request) =>
      `**${code(request.tool)}**, id \`${request.id}\`, open for ${span(request.expiresAt - clock.now())}:\n\n${shownArguments(request)}`,
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
