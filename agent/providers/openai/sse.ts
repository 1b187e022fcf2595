// Server-sent events as they come: all that one piece of the body ends are given together, since handing each on by itself takes longer than
// reading it. https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11-21).
import type { Clock } from '../../../shared/clock.ts';

export interface ServerEvent {
  /** '' when the event has no name. */
  name: string;
  data: string;
}

/** How long the connection may take to end after the last event; then it is cut and not used again. */
const END_MS = 1_000;

/**
 * Events of `body`, until `isLast` says so or the body ends; an event that the end cuts off counts. Rejects as the body does. What is left
 * of the body is read to its end, so that its connection can serve the next request.
 */
export async function* readServerEvents(
  body: ReadableStream<Uint8Array>,
  isLast: (event: ServerEvent) => boolean,
  clock: Clock,
): AsyncGenerator<readonly ServerEvent[], void, void> {
  const reader = body.getReader();
  const parser = makeEventParser();
  let isOver = false;
  try {
    while (!isOver) {
      const { done, value } = await reader.read();
      const events = done ? parser.end() : parser.push(value);
      const last = events.findIndex(isLast);
      const before = last === -1 ? events : events.slice(0, last);
      isOver = done || last !== -1;
      if (before.length > 0) yield before;
    }
  } finally {
    if (isOver) void drain(reader, clock);
    else reader.cancel().catch(() => undefined);
  }
}

async function drain(reader: ReadableStreamDefaultReader<Uint8Array>, clock: Clock): Promise<void> {
  const cut = clock.after(END_MS, () => void reader.cancel().catch(() => undefined));
  try {
    while (!(await reader.read()).done);
  } catch {
    // All that counts was read.
  } finally {
    cut();
  }
}

interface EventParser {
  push(bytes: Uint8Array): readonly ServerEvent[];
  /** What the end of the body leaves. */
  end(): readonly ServerEvent[];
}

function makeEventParser(): EventParser {
  const decoder = new TextDecoder();
  let rest = '';
  let name = '';
  let data: string[] = [];

  function take(text: string): readonly ServerEvent[] {
    // A line that does not end here is not looked through again with each piece.
    if (!/[\r\n]/.test(text)) {
      rest += text;
      return [];
    }
    const events: ServerEvent[] = [];
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) takeLine(line, events);
    return events;
  }

  function takeLine(line: string, events: ServerEvent[]): void {
    if (line === '') {
      if (data.length > 0 || name !== '') events.push({ name, data: data.join('\n') });
      name = '';
      data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') data.push(value);
    else if (field === 'event') name = value;
  }

  return {
    push: (bytes) => take(decoder.decode(bytes, { stream: true })),
    end: () => take(`${decoder.decode()}\n\n`),
  };
}
