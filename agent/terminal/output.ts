// What a command prints, held in bounded memory: the first bytes, the last bytes, and how many were dropped between them. The report that
// Herald's own script prints at the very end is found by a mark that only this run knows, and is taken out.

const MAX_COMPLAINT_CHARS = 300;

export interface Capture {
  add(chunk: Uint8Array): void;
  /** Bytes seen so far, dropped ones included. */
  total(): number;
  /** UTF-8; what is no text becomes U+FFFD. */
  text(): { text: string; droppedBytes: number };
}

/** Keeps at most `maxBytes`: two fifths for the beginning, the rest for the end, where errors and results stand. */
export function makeCapture(maxBytes: number): Capture {
  const headBytes = Math.floor(maxBytes * 0.4);
  const tailBytes = maxBytes - headBytes;
  const head: Uint8Array[] = [];
  let tail: Uint8Array[] = [];
  let headLength = 0;
  let tailLength = 0;
  let total = 0;

  function addTail(chunk: Uint8Array): void {
    // A copy: a part of a large buffer would keep all of it alive.
    tail.push(Uint8Array.from(chunk.subarray(Math.max(0, chunk.length - tailBytes))));
    tailLength += Math.min(chunk.length, tailBytes);
    while (tail.length > 1 && tailLength - (tail[0]?.length ?? 0) >= tailBytes) tailLength -= tail.shift()?.length ?? 0;
    if (tail.length > 256) tail = [Buffer.concat(tail)];
  }

  return {
    add(chunk) {
      total += chunk.length;
      const room = headBytes - headLength;
      if (room > 0) {
        head.push(Uint8Array.from(chunk.subarray(0, room)));
        headLength += Math.min(room, chunk.length);
      }
      if (chunk.length > room) addTail(chunk.subarray(Math.max(0, room)));
    },
    total: () => total,
    text() {
      const end = Buffer.concat(tail);
      const kept = end.subarray(Math.max(0, end.length - tailBytes));
      const droppedBytes = total - headLength - kept.length;
      if (droppedBytes === 0) return { text: Buffer.concat([...head, kept]).toString(), droppedBytes };
      // A character that was cut in two would be told as broken text.
      const first = Buffer.concat(head)
        .toString()
        .replace(/\uFFFD+$/, '');
      const last = kept.toString().replace(/^\uFFFD+/, '');
      return { text: `${first}\n[… ${droppedBytes} bytes of output are left out here …]\n${last}`, droppedBytes };
    },
  };
}

export interface ReportScanner {
  /** Hands on what is output, at once but for what may be the beginning of the mark. */
  add(chunk: Uint8Array): void;
  /** Hands on what was held back; the report after the mark, or undefined when there was none. */
  end(): string | undefined;
}

/** Longest report that is read: a path and a few numbers. */
const MAX_REPORT_BYTES = 16_384;

/** Splits a stream at `mark`; `onReport` tells that all of the report has come. A report ends with NUL. */
export function makeReportScanner(
  mark: string,
  onOutput: (chunk: Uint8Array) => void,
  onReport: () => void,
): ReportScanner {
  const needle = Buffer.from(mark);
  let held: Buffer = Buffer.alloc(0);
  let report: Buffer | undefined;

  function addReport(chunk: Uint8Array): void {
    if (report === undefined || report.includes(0) || report.length > MAX_REPORT_BYTES) return;
    report = Buffer.concat([report, chunk.subarray(0, MAX_REPORT_BYTES)]);
    if (report.includes(0)) onReport();
  }

  return {
    add(chunk) {
      if (report !== undefined) return addReport(chunk);
      const all = held.length === 0 ? Buffer.from(chunk) : Buffer.concat([held, chunk]);
      const at = all.indexOf(needle);
      const cut = at < 0 ? all.length - partialMatch(all, needle) : at;
      if (cut > 0) onOutput(all.subarray(0, cut));
      held = Buffer.from(all.subarray(cut));
      if (at < 0) return;
      report = Buffer.alloc(0);
      const rest = held.subarray(needle.length);
      held = Buffer.alloc(0);
      addReport(rest);
    },
    end() {
      if (held.length > 0) onOutput(held);
      held = Buffer.alloc(0);
      const end = report?.indexOf(0) ?? -1;
      return end < 0 ? undefined : report?.subarray(0, end).toString();
    },
  };
}

/** How many bytes at the end of `all` may be the beginning of `needle`. */
function partialMatch(all: Buffer, needle: Buffer): number {
  for (let length = Math.min(needle.length - 1, all.length); length > 0; length--) {
    if (all.subarray(all.length - length).equals(needle.subarray(0, length))) return length;
  }
  return 0;
}

/** What a command said when it failed, as the end of a sentence: its last line. */
export function complaint(output: string): string {
  const line = output.trim().split('\n').at(-1)?.trim().replace(/\.$/, '') ?? '';
  return line === '' ? 'the machine gave no reason' : line.slice(0, MAX_COMPLAINT_CHARS);
}
