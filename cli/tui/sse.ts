// Reads a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream).

export interface ServerEvent {
  /** 'message' when the stream names none. */
  event: string;
  data: string;
  /** The last id seen so far; '' before the first. */
  id: string;
}

/** Longest event that is kept, in UTF-16 units; a longer one ends the stream with an error. */
const MAX_EVENT_CHARS = 16 * 1024 * 1024;

/** The events of a body, as they come. `onBytes` is called for every piece, comments included: a sign of life. */
export async function* readEvents(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let name = '';
  let data: string[] = [];
  for await (const bytes of body) {
    onBytes();
    rest += decoder.decode(bytes, { stream: true });
    if (rest.length > MAX_EVENT_CHARS) throw new Error('an event is too long');
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: name === '' ? 'message' : name, data: data.join('\n'), id };
        name = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') name = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id') id = value;
    }
  }
}
