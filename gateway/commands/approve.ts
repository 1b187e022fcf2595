// /approve: allows one tool call that the agent asked about, exactly as it was shown, once.
import { decideApproval } from '../../data/policy/approvals.ts';
import { AppError } from '../../shared/errors.ts';
import { code } from './format.ts';
import { askWhich, listOwnRequests, nothingPending, requestNamed } from './pending-approval.ts';
import type { Command } from './types.ts';

export const approve: Command = {
  name: 'approve',
  aliases: ['allow'],
  description: 'Allow what I asked you about, once',
  usage: '[id]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const requests = await listOwnRequests(context);
    if (requests.length === 0) throw nothingPending();
    if (context.args === '' && requests.length > 1) return askWhich(context, requests);
    const request = context.args === '' ? requests[0] : requestNamed(requests, context.args);
    if (!request)
      throw new AppError(
        'not_found',
        `No open request has the id ${code(context.args)}. Nothing was allowed; \`/approve\` alone shows what is open.`,
      );
    if (!(await decideApproval(context.db, context.scope, request.id, { allow: true }))) throw nothingPending();
    return { text: `Allowed, this once: ${code(request.tool)}.` };
  },
};
