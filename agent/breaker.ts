// Notices a model that goes in circles: the same call again and again, or the same failure whatever it tries.
import { canonicalJson } from './tools/tool.ts';
import type { ToolOutcome } from './journal.ts';
import type { ToolCall } from './providers/types.ts';

/** From this many identical calls with the same result (or failures) on, the result carries a warning. */
const WARN_AT = 3;
/** This many are not run any more, and the turn goes to its answer. */
const STOP_AT = 5;

export interface Breaker {
  /** Counts a call that is about to run. 'stop' = it must not run. */
  admit(call: ToolCall): 'run' | 'stop';
  /** Counts a result. Returns it, with a warning once it repeats. To be called in the order of the calls. */
  observe(call: ToolCall, outcome: ToolOutcome): ToolOutcome;
  /** True once a limit was reached: no more tools in this turn. */
  isTripped(): boolean;
}

/** Depends on calls and results alone, so that a replayed turn comes to the same decisions. */
export function makeBreaker(): Breaker {
  const calls = new Map<string, number>();
  const failures = new Map<string, number>();
  const results = new Map<string, string>();
  let tripped = false;
  return {
    admit(call) {
      const count = countUp(calls, signature(call));
      if (count < STOP_AT) return 'run';
      tripped = true;
      return 'stop';
    },
    observe(call, outcome) {
      const key = signature(call);
      // What changes is worth another look.
      if (results.has(key) && results.get(key) !== outcome.text) calls.set(key, 1);
      results.set(key, outcome.text);
      const repeats = calls.get(key) ?? 0;
      const failed = outcome.isError ? countUp(failures, `${call.name}\u001f${outcome.text}`) : 0;
      if (failed >= STOP_AT) tripped = true;
      if (Math.max(repeats, failed) < WARN_AT) return outcome;
      const what = failed >= repeats ? `failed in the same way ${failed} times` : `been made ${repeats} times`;
      return {
        ...outcome,
        text: `${outcome.text}\n\n[This call has now ${what}. Do something else, or answer with what you have.]`,
      };
    },
    isTripped: () => tripped,
  };
}

/** What the model is told instead of a result when a call was not admitted. */
export function refusedRepeat(call: ToolCall): ToolOutcome {
  return {
    text: `Not run: ${call.name} was called with these arguments ${STOP_AT} times in this turn. Answer with what you have.`,
    isError: true,
    origin: 'agent',
  };
}

function signature(call: ToolCall): string {
  return `${call.name}\u001f${call.arguments === undefined ? call.rawArguments : canonicalJson(call.arguments)}`;
}

function countUp(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}
