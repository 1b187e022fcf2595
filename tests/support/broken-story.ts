// A model's answer that is broken off: for tests that kill, stop or interrupt in the middle of one, however fast or slow the machine is.
import type { CallSeen, ScriptedReply } from './model-server-script.ts';

/**
 * For `a story`, `another story` and so on: the first time one is asked for, the answer begins with two fifths of `text` and then says nothing
 * more until whoever asked has gone; asked for again, as after a kill, all of it comes at once.
 */
export function makeBrokenStory(text: string): (call: CallSeen) => ScriptedReply {
  const begun = new Set<string>();
  return (call) => {
    const [story = ''] = /\w+ (?:long )?story/.exec(call.user) ?? [];
    if (begun.has(story)) return { text, chunkChars: 100 };
    begun.add(story);
    // In pieces, so that what platforms show of it is edited, too.
    return { text: text.slice(0, Math.ceil(text.length * 0.4)), chunkChars: 16, delayMs: 25, fault: 'stall' };
  };
}
