// What the cases of the adapter contract send, and how they look at errors.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { OutboundMessage } from '../../adapters/contract.ts';
import { parseMarkdown } from '../../adapters/markdown.ts';
import type { MessageId } from '../../shared/ids.ts';
import type { Address, MediaKind, StoredFile } from '../../shared/messages.ts';
import type { AdapterRig, UserFile } from './adapter-harness.ts';

let keys = 0;

/** An outbound message with the given markdown, and a key of its own. */
export function makeOutbound(markdown: string): OutboundMessage {
  return {
    key: `contract-${++keys}`,
    body: parseMarkdown(markdown),
    plain: false,
    files: [],
    buttons: [],
    silent: false,
  };
}

export function send(rig: AdapterRig, at: Address, message: OutboundMessage | string) {
  const outbound = typeof message === 'string' ? makeOutbound(message) : message;
  return rig.adapter.send(at, outbound, AbortSignal.timeout(20_000));
}

/** Sends and expects success with at least one id. */
export async function sendOk(
  rig: AdapterRig,
  at: Address,
  message: OutboundMessage | string,
): Promise<{ ids: readonly MessageId[] }> {
  const result = await send(rig, at, message);
  if (!result.ok) throw new Error(`send failed: ${result.code}, reached ${result.reached}: ${result.cause.message}`);
  expect(result.ids.length).toBeGreaterThan(0);
  return result;
}

/** Letters and digits only: what must survive any rendering. */
export function lettersOf(text: string): string {
  return text.replace(/[^\p{L}\p{N}]+/gu, '');
}

const SAMPLES: Record<MediaKind, Omit<UserFile, 'bytes'>> = {
  image: { kind: 'image', name: 'photo.jpg', mime: 'image/jpeg' },
  audio: { kind: 'audio', name: 'song.mp3', mime: 'audio/mpeg' },
  voice: { kind: 'voice', name: 'voice.ogg', mime: 'audio/ogg' },
  video: { kind: 'video', name: 'clip.mp4', mime: 'video/mp4' },
  document: { kind: 'document', name: 'report.pdf', mime: 'application/pdf' },
  sticker: { kind: 'sticker', name: 'sticker.webp', mime: 'image/webp' },
};

export function sampleFile(kind: MediaKind): UserFile {
  const bytes = new Uint8Array(2_000).map((_, i) => (i * 31 + kind.length) % 256);
  return { ...SAMPLES[kind], bytes };
}

export function mediaKinds(): readonly MediaKind[] {
  return ['image', 'audio', 'voice', 'video', 'document', 'sticker'];
}

/** Everything that an error and its causes say. */
export function describeError(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < 8 && current !== undefined && current !== null; depth++) {
    if (!(current instanceof Error)) {
      lines.push(typeof current === 'string' ? current : JSON.stringify(current));
      break;
    }
    lines.push(current.message, current.stack ?? '', JSON.stringify(current));
    current = current.cause;
  }
  return lines.join('\n');
}

export async function withFile(sample: UserFile, run: (file: StoredFile) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'herald-file-'));
  try {
    const file = path.join(folder, sample.name);
    await writeFile(file, sample.bytes);
    await run({ kind: sample.kind, path: file, name: sample.name, mime: sample.mime, bytes: sample.bytes.length });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
