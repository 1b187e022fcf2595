// Lines of a byte stream. Looks at each byte once, however a long line is cut into pieces.

export interface LineReader {
  /** Lines that are complete now, without their end. Throws RangeError when the one that is coming grows over the limit. */
  push(chunk: Buffer): Generator<string>;
  clear(): void;
}

export function makeLineReader(maxBytes: number): LineReader {
  let parts: Buffer[] = [];
  let held = 0;
  const clear = () => {
    parts = [];
    held = 0;
  };
  return {
    *push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
        const line = Buffer.concat([...parts, chunk.subarray(from, at)]).toString('utf8');
        clear();
        from = at + 1;
        yield line.endsWith('\r') ? line.slice(0, -1) : line;
      }
      const rest = chunk.subarray(from);
      held += rest.byteLength;
      if (held > maxBytes) {
        clear();
        throw new RangeError(`a line of more than ${maxBytes} bytes`);
      }
      if (rest.byteLength > 0) parts.push(rest);
    },
    clear,
  };
}
