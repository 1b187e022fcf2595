// Decides which deltas of a weak model may be shown while it streams: thinking goes to thinking, and text that may turn out
// to be a tool call waits. For display only; the finished reply is repaired from the whole text.

export interface DisplayFilter {
  /** What of the reply so far may be shown now, in addition to what was shown before. */
  push(delta: string): { text: string; thinking: string };
  /** What was held back although it belongs to the final text, '' when the final text differs from what was shown. */
  rest(finalText: string): string;
}

const CALL_START = /(?:^|\n)[ \t]*<(?:tool_call|function|invoke)|<\|/;
/** A reply that may still become a bare or fenced JSON call. */
const JSON_CALL =
  /^\s*(?:`{0,2}|(?:```\w*\s*)?\[?\s*(?:\{\s*(?:"(?:name|function|type|arguments|parameters)?[^"]*)?)?)$|^\s*(?:```\w*\s*)?\[?\s*\{\s*"(?:name|function)"/;
/** An unfinished tag at the end of what came so far. */
const PARTIAL_TAG = /<[|/\w｜]{0,16}$/;

/** `hasTools`: without tools nothing can be a call, so nothing but thinking is held back. */
export function makeDisplayFilter(hasTools: boolean): DisplayFilter {
  let pending = '';
  let shown = '';
  let mode: 'start' | 'text' | 'thinking' | 'held' = 'start';
  let hadThinking = false;

  const showText = (text: string): { text: string; thinking: string } => {
    shown += text;
    return { text, thinking: '' };
  };
  const nothing = { text: '', thinking: '' };

  const advanceThinking = (): { text: string; thinking: string } => {
    const end = /<\/think(?:ing)?>\s*/.exec(pending);
    if (end) {
      const thinking = pending.slice(0, end.index);
      pending = pending.slice(end.index + end[0].length);
      mode = 'start';
      return { text: '', thinking };
    }
    const keep = PARTIAL_TAG.exec(pending)?.[0].length ?? 0;
    const thinking = pending.slice(0, pending.length - keep);
    pending = pending.slice(pending.length - keep);
    return { text: '', thinking };
  };

  const advanceStart = (): { text: string; thinking: string } => {
    const open = /^\s*<think(?:ing)?>\s*/.exec(pending);
    if (open) {
      pending = pending.slice(open[0].length);
      mode = 'thinking';
      hadThinking = true;
      return advanceThinking();
    }
    if (/^\s*(?:<\w*)?$/.test(pending) || (hasTools && JSON_CALL.test(pending))) return nothing;
    mode = 'text';
    if (hadThinking) pending = pending.trimStart();
    return advanceText();
  };

  const advanceText = (): { text: string; thinking: string } => {
    const call = hasTools ? CALL_START.exec(pending) : null;
    if (call) {
      mode = 'held';
      const text = pending.slice(0, call.index);
      pending = pending.slice(call.index);
      return showText(text);
    }
    const keep = PARTIAL_TAG.exec(pending)?.[0].length ?? 0;
    const text = pending.slice(0, pending.length - keep);
    pending = pending.slice(pending.length - keep);
    return showText(text);
  };

  return {
    push(delta) {
      pending += delta;
      if (mode === 'held') return nothing;
      if (mode === 'thinking') return advanceThinking();
      return mode === 'start' ? advanceStart() : advanceText();
    },
    rest(finalText) {
      return finalText.startsWith(shown) ? finalText.slice(shown.length) : '';
    },
  };
}
