// Addresses that stood in a conversation. To fetch one of them gives nothing away; an address that the model made up may carry anything. The
// text of a skill of others does not count: it tells what to do next time and every time, and by which of its addresses are read it could learn.
import type { ModelMessage } from '../providers/types.ts';

const ADDRESS = /https?:\/\/[^\s<>"'`\\^{|}]+/gi;
/** Punctuation of the sentence around it. */
const TRAILING = /[).,;:!?\]*_]$/;
const MAX_TRAILING = 6;
/** They show texts of skills; see `fence` for how words of others begin. */
const SKILL_TOOLS: ReadonlySet<string> = new Set(['skill_view', 'skills_list']);
const FENCE = '<untrusted from="';
/** Calls rare tools. */
const USE_TOOL = 'use_tool';
/** Kept per turn; a page of links beyond that is asked about. */
const MAX_SEEN = 5_000;

export interface SeenAddresses {
  note(text: string): void;
  /** True when each was seen; a fragment does not count, since it is not sent. */
  hasAll(addresses: readonly string[]): boolean;
}

/** `past` gives the messages before; they are read when somebody asks for the first time. */
export function openSeenAddresses(past: () => readonly ModelMessage[] = () => []): SeenAddresses {
  const seen = new Set<string>();
  let unread: (() => readonly ModelMessage[]) | undefined = past;

  function note(text: string): void {
    for (const [found] of text.matchAll(ADDRESS)) {
      if (seen.size >= MAX_SEEN) return;
      let address = found;
      for (let i = 0; i <= MAX_TRAILING; i++) {
        const whole = normal(address);
        if (whole !== undefined) seen.add(whole);
        if (!TRAILING.test(address)) break;
        address = address.slice(0, -1);
      }
    }
  }

  return {
    note,
    hasAll(addresses) {
      for (const text of textsOf(unread?.() ?? [])) note(text);
      unread = undefined;
      return addresses.every((address) => {
        const wanted = normal(address);
        return wanted !== undefined && seen.has(wanted);
      });
    },
  };
}

/** What people and tools said; the model's own words do not count. */
function textsOf(messages: readonly ModelMessage[]): readonly string[] {
  const skillCalls = new Set<string>();
  return messages.flatMap((message) => {
    if (message.role === 'user') return message.content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
    if (message.role === 'tool')
      return skillCalls.has(message.callId) && message.text.startsWith(FENCE) ? [] : [message.text];
    for (const call of message.toolCalls) {
      const name = call.name === USE_TOOL ? call.arguments?.['name'] : call.name;
      if (typeof name === 'string' && SKILL_TOOLS.has(name)) skillCalls.add(call.id);
      // Ids need not be unique over a conversation.
      else skillCalls.delete(call.id);
    }
    return [];
  });
}

function normal(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  url.hash = '';
  return url.href;
}
