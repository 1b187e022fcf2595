// `herald mcp serve`: our MCP server on standard input and output, for a client that started us. Nothing else may write there.
import type { Readable, Writable } from 'node:stream';
import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

export interface McpStdioOptions {
  server: Pick<McpServer, 'connect' | 'close'>;
  input: Readable;
  output: Writable;
  signal: AbortSignal;
}

/** Resolves when the client has closed its end, or `signal` aborts. */
export async function serveMcpStdio({ server, input, output, signal }: McpStdioOptions): Promise<void> {
  const { StdioServerTransport } = await import('@modelcontextprotocol/sdk/server/stdio.js');
  const transport = new StdioServerTransport(input, output, { maxBufferSize: MAX_MESSAGE_BYTES });
  const ended = new Promise<void>((resolve) => {
    input.once('end', resolve);
    input.once('close', resolve);
    // A client that is gone does not read either.
    output.once('error', () => resolve());
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.connect(transport);
  await ended;
  await server.close();
}
