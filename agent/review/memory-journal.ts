// A journal that lives as long as one review: what a crash cuts off is looked at again from its beginning, and what it kept is kept once.
import type { ToolStep, TurnJournal } from '../journal.ts';
import type { Effect } from '../../data/schema.ts';
import type { ModelReply } from '../providers/types.ts';

export function makeMemoryJournal(): TurnJournal {
  const replies = new Map<number, ModelReply>();
  const steps = new Map<string, ToolStep>();
  return {
    reply: (step) => replies.get(step),
    recordReply: async (step, reply) => void replies.set(step, reply),
    tool: (key) => steps.get(key),
    keysWith: (prefix) => [...steps.keys()].filter((key) => key.startsWith(prefix)),
    startTool: async (key, _call, effect: Effect) => void steps.set(key, { state: 'started', effect }),
    finishTool: async (key, outcome) => void steps.set(key, { state: 'done', outcome }),
    steered: () => undefined,
    allSteered: () => [],
  };
}
