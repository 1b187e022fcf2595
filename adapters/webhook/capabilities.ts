// What goes to a webhook: everything, as data. The other side is a program of the owner, so these are choices, not limits of a service.
import { everyKind, TEXT_ONLY, type Capabilities, type MediaSupport } from '../capabilities.ts';

const MAX_TEXT_CHARS = 16_000;

export function makeCapabilities(maxFileBytes: number): Capabilities {
  const file: MediaSupport = { support: 'full', maxBytes: maxFileBytes, maxCaption: MAX_TEXT_CHARS, mime: [] };
  return {
    text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
    media: everyKind(file),
    ...TEXT_ONLY,
    threads: 'full',
    replies: 'full',
    buttons: 'full',
    // The key is the webhook-id, by which receivers tell repeats.
    sendDedupe: 'by-key',
    // Senders repeat what was not acknowledged.
    backfill: 'server-queue',
    promptHint: 'The answer goes to a program through a webhook. Markdown is passed on as it is.',
  };
}
