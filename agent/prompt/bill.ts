// What the next request of a conversation would cost before its answer, by part, and how much of each model that takes; for /context.
import { listHistory } from '../../data/messages.ts';
import { presentHistory } from '../context/history.ts';
import { readState } from '../context/state.ts';
import { estimateMessage, estimateRequest, estimateTool } from '../context/tokens.ts';
import type { AgentParts } from '../parts.ts';
import type { ContextBill, ContextQuestion } from '../port.ts';
import { limitsOf } from '../settings.ts';
import { promptTools } from '../tools/find-tools.ts';
import { namesOfTools, offeredTools, switchedOff } from '../tools/offered.ts';
import { COMPRESS_SHARE, frameOf, HISTORY_SHARE, windowOf } from './frame.ts';

/** Asks no model. Rejects with AppError `not_found` when the session's model cannot be used any more. */
export async function contextBill(parts: AgentParts, question: ContextQuestion): Promise<ContextBill> {
  const settings = parts.settings();
  const chain = question.model === undefined ? settings.models.chain : settings.chooseModel(question.model);
  const off = switchedOff(settings.tools, question, question.disabledTools);
  const offered = offeredTools(await parts.tools(), { off }, question);
  const tools = promptTools(offered).map((tool) => tool.schema);
  const frame = await frameOf(parts, { ...question, promptHint: '', settings, chain, tools });
  const budgetTokens = Math.floor(frame.room * HISTORY_SHARE);
  const stored = await listHistory(parts.db, question.scope, question.session);
  const history = await presentHistory(stored, { ...frame.present, budgetTokens });
  const known = parts.knowledge.open({
    ...question,
    isWorker: false,
    turn: undefined,
    text: '',
    tools: namesOfTools(offered),
  });
  const state = await readState(parts.db, question, await known.sections());
  const system = estimateRequest({ system: frame.system, messages: [], tools: [] });
  const lines: ContextBill['parts'] = [
    { part: 'system', tokens: system - frame.instructionTokens - frame.knownTokens },
    { part: 'workspace files', tokens: frame.instructionTokens },
    { part: 'memory', tokens: frame.knownTokens },
    { part: 'tools', tokens: tools.reduce((sum, tool) => sum + estimateTool(tool), 0) },
    { part: 'summary', tokens: history.summaryTokens },
    { part: 'history', tokens: history.tokens - history.summaryTokens },
    { part: 'state', tokens: state ? estimateMessage(state) : 0 },
  ];
  const total = lines.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    parts: lines,
    dropped: history.dropped,
    compressAtTokens: Math.floor(budgetTokens * COMPRESS_SHARE),
    models: chain.map((link) => {
      const name = { provider: link.provider.id, model: link.model };
      const answer = limitsOf(settings, link).maxOutputTokens ?? settings.maxOutputTokens;
      return {
        name: `${name.provider}/${name.model}`,
        windowTokens: windowOf(settings, [link]),
        answerTokens: Math.min(answer, frame.maxOutputTokens),
        usedTokens: Math.ceil(total * parts.calibration.factorOf(name)),
        isMeasured: parts.calibration.isMeasured(name),
      };
    }),
  };
}
