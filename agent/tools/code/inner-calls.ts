// Calls that a running tool makes in its turn. Each has its own key in the journal, made of the outer call's key, its index and a digest of
// what is called, so that a tool that is run again after a restart gets what it got before, and is told when it asks for something else.
import type { ToolOutcome, TurnJournal } from '../../journal.ts';
import type { ToolCall } from '../../providers/types.ts';
import { canonicalJson, type InnerCall, type InnerCalls } from '../tool.ts';
import { sha256Hex } from '../../../shared/digest.ts';

export interface InnerCallsInput {
  /** Of the outer call: in the journal, and for the model. */
  key: string;
  id: string;
  names: readonly string[];
  journal: Pick<TurnJournal, 'keysWith'>;
  run(key: string, call: ToolCall, frame: Pick<InnerCall, 'signal' | 'hold'>): Promise<ToolOutcome>;
  isParallel(call: ToolCall): boolean;
}

export function makeInnerCalls({ key, id, names, journal, run, isParallel }: InnerCallsInput): InnerCalls {
  const toolCall = (call: Pick<InnerCall, 'name' | 'arguments'>, callId: string): ToolCall => ({
    id: callId,
    name: call.name,
    arguments: call.arguments,
    rawArguments: JSON.stringify(call.arguments),
  });
  return {
    names,
    isParallel: (call) => isParallel(toolCall(call, id)),
    async run(call) {
      const place = `${key}/${call.index}.`;
      const own = `${place}${digestOf(call)}`;
      if (journal.keysWith(place).some((known) => known !== own)) return 'diverged';
      return run(own, toolCall(call, `${id}/${call.index}`), call);
    },
  };
}

function digestOf(call: InnerCall): string {
  return sha256Hex(`${call.name}\u001f${canonicalJson(call.arguments)}`, 16);
}
