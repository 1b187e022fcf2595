// Plays many turns of one session through the real agent and database, as the gateway does: what a turn leaves is the next one's history.
import { finishTurn } from '../../../data/process/turns.ts';
import type { AgentPort, AgentTurn } from '../../../agent/port.ts';
import type { ModelMessage, ModelReply, ModelRequest } from '../../../agent/providers/types.ts';
import { estimateRequest } from '../../../agent/context/tokens.ts';
import { messageOf } from '../../../gateway/turn-end.ts';
import { makeAgentTurn, makeInput, makeReply, startTurn, type Home } from '../fixture.ts';

export interface Player {
  say(text: string, extra?: Partial<AgentTurn>): Promise<void>;
}

export function makePlayer(home: Home, agent: AgentPort): Player {
  return {
    async say(text, extra = {}) {
      const turn = await startTurn(home);
      const input = makeAgentTurn(home, turn, { inputs: [makeInput(text)], ...extra });
      const result = await agent.run(input, new AbortController().signal);
      if (result.end !== 'done') throw new Error(`turn ended as ${result.end}: ${result.text}`);
      await finishTurn(home.db, {
        turn,
        state: 'done',
        messages: result.transcript.map(messageOf),
        outbox: [],
        inbox: [],
      });
    },
  };
}

/** Whether the request asks for a summary. */
export function isSummaryRequest(request: ModelRequest): boolean {
  return (request.system[0]?.text ?? '').startsWith('You keep the notes');
}

/** A reply with what a provider would count for the request: `share` of the estimate. */
export function counted(request: ModelRequest, reply: Partial<ModelReply>, share = 0.85): ModelReply {
  const input = Math.round(estimateRequest(request) * share);
  return makeReply({ ...reply, usage: { input, output: 20, cacheRead: 0, cacheWrite: 0, reasoning: 0 } });
}

/** The messages without the state that goes last. */
export function saidIn(request: ModelRequest): readonly ModelMessage[] {
  return request.messages.filter((message) => !(message.role === 'user' && message.isState === true));
}

export function lastAsked(request: ModelRequest): string {
  const last = saidIn(request).findLast((message) => message.role === 'user');
  return last?.role === 'user' ? last.content.map((part) => (part.type === 'text' ? part.text : '')).join('') : '';
}

/** Every call answered right after its message, and no answer without a call. */
export function arePaired(messages: readonly ModelMessage[]): boolean {
  let open = new Set<string>();
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.callId)) return false;
    } else {
      if (open.size > 0) return false;
      if (message.role === 'assistant') open = new Set(message.toolCalls.map((call) => call.id));
    }
  }
  return open.size === 0;
}
