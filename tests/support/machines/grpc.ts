// As much of gRPC as a test server needs: HTTP/2 without encryption, messages with their length before them, and Protocol Buffers read and
// written by field number. Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md and
// https://protobuf.dev/programming-guides/encoding/, read 2026-11-21.
import { once } from 'node:events';
import http2 from 'node:http2';

/** Fields of a message, each as often as it stands there. */
export interface Message {
  text(field: number): string;
  texts(field: number): string[];
  number(field: number): number;
  bytes(field: number): Buffer;
  message(field: number): Message;
  messages(field: number): Message[];
}

export type Field = readonly [field: number, value: string | number | Uint8Array];

export class GrpcError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Of a call whose answer is a stream. */
export interface Sender {
  /** Resolves when the client takes more. */
  send(message: Uint8Array): Promise<void>;
  /** Resolves when the client went away. */
  gone: Promise<void>;
}

export interface GrpcCall {
  path: string;
  headers: http2.IncomingHttpHeaders;
  request: Message;
}

/** Answers with a message, or sends several and answers with nothing. Rejects with GrpcError. */
export type GrpcHandler = (call: GrpcCall, sender: Sender) => Promise<Uint8Array | undefined>;

export interface GrpcServer {
  port: number;
  close(): Promise<void>;
}

export async function startGrpcServer(handler: GrpcHandler): Promise<GrpcServer> {
  const sessions = new Set<http2.Http2Session>();
  const server = http2.createServer();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  server.on('stream', (stream, headers) => void serve(stream, headers, handler));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  handler: GrpcHandler,
): Promise<void> {
  const gone = once(stream, 'close').then(() => undefined);
  stream.on('error', () => undefined);
  const sender: Sender = {
    gone,
    async send(message) {
      if (stream.destroyed || stream.closed) return;
      if (!stream.write(frame(message))) await Promise.race([once(stream, 'drain'), gone]);
    },
  };
  let status = 0;
  let text = '';
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.once('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': String(status), 'grpc-message': encodeURIComponent(text) }),
  );
  try {
    const request = decode(await readFrame(stream));
    const answer = await handler({ path: headers[':path'] ?? '', headers, request }, sender);
    if (answer !== undefined) await sender.send(answer);
  } catch (error) {
    status = error instanceof GrpcError ? error.status : 13;
    text = error instanceof Error ? error.message : String(error);
  }
  stream.end();
}

async function readFrame(stream: http2.ServerHttp2Stream): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) if (chunk instanceof Uint8Array) chunks.push(chunk);
  return Buffer.concat(chunks).subarray(5);
}

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Numbers as varints, texts and bytes with their length; what is empty is left out, as the default is. */
export function encode(...fields: readonly Field[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [field, value] of fields) {
    if (typeof value === 'number') {
      if (value !== 0) parts.push(varint(field * 8), varint(value));
      continue;
    }
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    parts.push(varint(field * 8 + 2), varint(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

/** A number of a oneof, which is told even when it is 0. */
export function encodeChosen(field: number, value: number): Buffer {
  return Buffer.concat([varint(field * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

function decode(bytes: Buffer): Message {
  const fields = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const readVarint = () => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  };
  const readValue = (wire: number): number | Buffer => {
    if (wire === 0) return readVarint();
    const length = wire === 2 ? readVarint() : wire === 5 ? 4 : 8;
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    fields.set(field, [...(fields.get(field) ?? []), readValue(tag % 8)]);
  }
  const buffers = (field: number) => (fields.get(field) ?? []).filter((value) => typeof value !== 'number');
  const last = (field: number) => buffers(field).at(-1) ?? Buffer.alloc(0);
  return {
    text: (field) => last(field).toString('utf8'),
    texts: (field) => buffers(field).map((value) => value.toString('utf8')),
    number: (field) => (fields.get(field) ?? []).filter((value) => typeof value === 'number').at(-1) ?? 0,
    bytes: last,
    message: (field) => decode(last(field)),
    messages: (field) => buffers(field).map(decode),
  };
}
