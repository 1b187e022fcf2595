// /deny: refuses a tool call that the agent asked about; the reason is told to the agent.
import { decideApproval } from '../../data/policy/approvals.ts';
import { AppError } from '../../shared/errors.ts';
import { code } from './format.ts';
import { askWhich, listOwnRequests, looksLikeRequestId, nothingPending, requestNamed } from './pending-approval.ts';
import type { Command } from './types.ts';

export const deny: Command = {
  name: 'deny',
  aliases: ['reject'],
  description: 'Refuse what I asked you about, with a reason if you like',
  usage: '[id] [reason]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    const requests = await listOwnRequests(context);
    if (requests.length === 0) throw nothingPending();
    const word = context.args.split(/\s/, 1)[0] ?? '';
    const named = requestNamed(requests, word);
    // The id of a request that has ended must not become the reason for refusing another one.
    if (!named && looksLikeRequestId(word))
      throw new AppError(
        'not_found',
        `No open request has the id ${code(word)}. Nothing was refused; \`/approve\` alone shows what is open.`,
      );
    if (!named && requests.length > 1) return askWhich(context, requests);
    const request = named ?? requests[0];
    const reason = (named ? context.args.slice(word.length) : context.args).trim();
    const decision = { allow: false, ...(reason === '' ? {} : { reason }) };
    if (!request || !(await decideApproval(context.db, context.scope, request.id, decision))) throw nothingPending();
    return { text: `Refused: ${code(request.tool)}.${reason === '' ? '' : ' I am told why.'}` };
  },
};
