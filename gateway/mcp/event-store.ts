// What a client that lost its stream can have again: the last messages of one session, in memory, within limits.
import type { EventStore } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

const MAX_EVENTS = 256;
const MAX_CHARS = 4 * 1024 * 1024;

interface Stored {
  sequence: number;
  stream: string;
  message: JSONRPCMessage;
  chars: number;
}

/** Ids are `<stream>_<sequence>`; what fell out is not replayed. */
export function makeEventStore(): EventStore {
  const events: Stored[] = [];
  let sequence = 0;
  let total = 0;
  return {
    async storeEvent(stream, message) {
      const chars = JSON.stringify(message).length;
      events.push({ sequence: ++sequence, stream, message, chars });
      total += chars;
      while (events.length > MAX_EVENTS || (total > MAX_CHARS && events.length > 1))
        total -= events.shift()?.chars ?? 0;
      return `${stream}_${sequence}`;
    },
    async getStreamIdForEventId(id) {
      return readId(id)?.stream;
    },
    async replayEventsAfter(id, { send }) {
      const last = readId(id);
      if (!last) return '';
      const missed = events.filter((event) => event.stream === last.stream && event.sequence > last.sequence);
      // A priming event, which is empty, tells nothing.
      for (const event of missed)
        if (Object.keys(event.message).length > 0) await send(`${event.stream}_${event.sequence}`, event.message);
      return last.stream;
    },
  };
}

function readId(id: string): { stream: string; sequence: number } | undefined {
  const match = /^(.+)_(\d{1,15})$/.exec(id);
  return match?.[1] === undefined ? undefined : { stream: match[1], sequence: Number(match[2]) };
}
