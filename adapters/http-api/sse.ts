// Event streams of the API, and what of a growing text is new.
const KEEP_ALIVE_MS = 15_000;

const encoder = new TextEncoder();

export interface EventWriter {
  /** One event; `name` only where the client wants one. */
  event(data: unknown, name?: string): void;
  /** A line of data that is no JSON. */
  line(text: string): void;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}

/** An event stream that `write` fills; comments keep it open while nothing is to say. */
export function eventStream(write: (writer: EventWriter) => Promise<void>): Response {
  const gone = new AbortController();
  let beat: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const push = (text: string) => {
        if (!gone.signal.aborted) controller.enqueue(encoder.encode(text));
      };
      beat = setInterval(() => push(': still at work\n\n'), KEEP_ALIVE_MS);
      const writer: EventWriter = {
        event: (data, name) => push(`${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`),
        line: (text) => push(`data: ${text}\n\n`),
        signal: gone.signal,
      };
      void write(writer).finally(() => {
        clearInterval(beat);
        if (!gone.signal.aborted) controller.close();
      });
    },
    cancel() {
      clearInterval(beat);
      gone.abort();
    },
  });
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    },
  });
}

/** What of the whole text so far was not told yet. A draft that took words back adds nothing; the end then says all of it. */
export class Growing {
  #told = '';

  next(whole: string): string {
    if (!whole.startsWith(this.#told)) return '';
    const more = whole.slice(this.#told.length);
    this.#told = whole;
    return more;
  }

  end(whole: string): string {
    if (whole.startsWith(this.#told)) return whole.slice(this.#told.length);
    return `\n\n${whole}`;
  }
}
