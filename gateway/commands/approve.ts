// /approve: allows a tool call that the agent asked about, exactly as it was shown; where the request says so also calls of its kind.
import { decideApproval, type Approval } from '../../data/policy/approvals.ts';
import type { ApprovalChoice } from '../../data/schema.ts';
import { AppError } from '../../shared/errors.ts';
import { code, plain } from './format.ts';
import { askWhich, listOwnRequests, nothingPending, requestNamed } from './pending-approval.ts';
import type { Command } from './types.ts';

export const approve: Command = {
  name: 'approve',
  aliases: ['allow'],
  description: 'Allow what I asked you about',
  usage: '[id] [once|session|always]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const requests = await listOwnRequests(context);
    if (requests.length === 0) throw nothingPending();
    const { name, choice } = readAnswer(context.args);
    if (name === '' && requests.length > 1) return askWhich(context, requests);
    const request = name === '' ? requests[0] : requestNamed(requests, name);
    if (!request)
      throw new AppError(
        'not_found',
        `No open request has the id ${code(name)}. Nothing was allowed; \`/approve\` alone shows what is open.`,
      );
    if (choice !== 'once' && !request.grant)
      throw new AppError(
        'bad_input',
        'This can be allowed once only, so nothing was allowed yet: `/approve` does that.',
      );
    if (!(await decideApproval(context.db, context.scope, request.id, { allow: true, choice }))) throw nothingPending();
    return { text: allowedText(request, choice) };
  },
};

/** The id, '' for none, and for how long. */
function readAnswer(args: string): { name: string; choice: ApprovalChoice } {
  const words = args.split(/\s+/).filter((word) => word !== '');
  const last = words.at(-1)?.toLowerCase();
  const choice = CHOICES.find((one) => one === last);
  return { name: (choice === undefined ? words : words.slice(0, -1)).join(' '), choice: choice ?? 'once' };
}

const CHOICES: readonly ApprovalChoice[] = ['once', 'session', 'always'];

function allowedText({ tool, grant }: Approval, choice: ApprovalChoice): string {
  const title = plain(grant?.title ?? '', 200);
  switch (choice) {
    case 'once':
      return `Allowed, this once: ${code(tool)}.`;
    case 'session':
      return `Allowed in this conversation: ${title}. \`herald approvals list\` shows it, \`herald approvals revoke\` ends it.`;
    case 'always':
      return `Allowed from now on: ${title}. \`herald approvals list\` shows it, \`herald approvals revoke\` ends it.`;
  }
}
