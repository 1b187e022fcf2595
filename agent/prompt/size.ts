// What a request costs before the model says anything, by part; for `herald prompt-size` and for the budget test.
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Address, Role } from '../../shared/messages.ts';
import { estimateMessages, estimateTokens, estimateTool } from '../context/tokens.ts';
import type { ModelMessage } from '../providers/types.ts';
import type { AgentSettings } from '../settings.ts';
import { promptTools } from '../tools/find-tools.ts';
import { offeredTools } from '../tools/offered.ts';
import type { Tool } from '../tools/tool.ts';
import { readIdentity } from './identity.ts';
import { findPersonality } from './personalities.ts';
import { promptParts } from './prompt.ts';

export interface PromptBill {
  /** In the order of the request: system parts, one line per tool, history. */
  lines: readonly { part: string; tokens: number; chars: number }[];
  /** Estimated; see context/tokens.ts for the margin. */
  totalTokens: number;
}

/** The bill of the next request with `messages` as its conversation. */
export async function promptSize(input: {
  settings: AgentSettings;
  /** All that there are. */
  tools: readonly Tool[];
  clock: Clock;
  log: Logger;
  at: { role: Role; address: Address; promptHint: string };
  messages: readonly ModelMessage[];
}): Promise<PromptBill> {
  const { settings, at } = input;
  const system = promptParts({
    identity: await readIdentity(settings.home, input.log),
    hint: at.promptHint,
    chat: '',
    personality: findPersonality(settings.personalities, settings.personality)?.text,
    group: at.address.kind === 'group',
    now: input.clock.now(),
    timezone: settings.timezone,
    instructions: '',
    memory: '',
  }).map(({ part, text }) => ({ part, tokens: estimateTokens(text) + 2, chars: text.length }));
  const tools = promptTools(offeredTools(input.tools, { off: settings.tools.disabled }, at)).map(({ schema }) => ({
    part: `tool ${schema.name}`,
    tokens: estimateTool(schema),
    chars: JSON.stringify(schema).length,
  }));
  const history = {
    part: 'history',
    tokens: estimateMessages(input.messages),
    chars: JSON.stringify(input.messages).length,
  };
  const lines = [...system, ...tools, history];
  return { lines, totalTokens: lines.reduce((sum, line) => sum + line.tokens, 0) };
}
