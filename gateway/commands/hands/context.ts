// /context: what the next request of this conversation takes of the model, part by part. No model is asked.
import { getChat } from '../../../data/process/chats.ts';
import { amount, code, counted, fenced } from '../format.ts';
import type { Command, CommandContext } from '../types.ts';

const BAR_CELLS = 20;

export const context: Command = {
  name: 'context',
  aliases: [],
  description: 'What this conversation takes of the model, part by part',
  usage: '',
  role: 'guest',
  duringTurn: true,
  async run(asked) {
    const bill = await billOf(asked);
    const [first] = bill.models;
    const window = first?.windowTokens ?? 1;
    const total = bill.parts.reduce((sum, { tokens }) => sum + tokens, 0);
    const factor = (first?.usedTokens ?? total) / Math.max(1, total);
    const answer = first?.answerTokens ?? 0;
    const used = bill.parts.map(({ part, tokens }) => ({ part: part.toString(), tokens: Math.ceil(tokens * factor) }));
    const free = Math.max(0, window - answer - used.reduce((sum, { tokens }) => sum + tokens, 0));
    const lines = [...used, { part: 'answer', tokens: answer }, { part: 'free', tokens: free }]
      .filter(({ tokens }) => tokens > 0)
      .map(({ part, tokens }) => barLine(part, tokens, window));
    const models = bill.models.map((model) => {
      const how = model.isMeasured ? 'counted' : 'estimated';
      return `- ${code(model.name)}: ${amount(model.usedTokens)} of ${amount(model.windowTokens)} tokens (${percent(model.usedTokens, model.windowTokens)}, ${how})`;
    });
    const dropped =
      bill.dropped === 0 ? '' : ` ${counted(bill.dropped, 'older message')} do not fit and are found by search only.`;
    return {
      text: `${fenced(lines.join('\n'))}\n${models.join('\n')}\n\nI shorten the history myself when it takes more than ${amount(bill.compressAtTokens)} tokens; \`/compress\` does it now.${dropped}`,
    };
  },
};

async function billOf({ agent, db, scope, session, person, address }: CommandContext) {
  const settings = (await getChat(db, address))?.settings;
  return agent.describeContext({
    scope,
    session: session.id,
    role: person.role,
    address,
    model: session.model ?? settings?.model,
    personality: session.personality,
    chatPrompt: settings?.prompt,
    disabledTools: settings?.disabledTools,
  });
}

function barLine(part: string, tokens: number, window: number): string {
  const cells = Math.min(BAR_CELLS, Math.max(1, Math.round((tokens / window) * BAR_CELLS)));
  const bar = '█'.repeat(cells) + '·'.repeat(BAR_CELLS - cells);
  return `${part.padEnd(15)} ${bar} ${amount(tokens).padStart(7)}  ${percent(tokens, window)}`;
}

function percent(tokens: number, window: number): string {
  const share = (tokens / window) * 100;
  return `${share < 10 ? share.toFixed(1) : Math.round(share)} %`;
}
