// What clients of the API get: the answer as one markdown text. It is ours, so these are choices, not limits of a service.
import { everyKind, TEXT_ONLY, type Capabilities } from '../capabilities.ts';

const MAX_TEXT_CHARS = 1_000_000;

export const API_CAPABILITIES: Capabilities = {
  text: { max: MAX_TEXT_CHARS, unit: 'utf16' },
  // An answer has no files; they are named in its text.
  media: everyKind({ support: 'dropped', maxBytes: 0, maxCaption: 0, mime: [] }),
  ...TEXT_ONLY,
  drafts: { support: 'full', minIntervalMs: 50 },
  sendDedupe: 'by-key',
  // A client that could not reach us knows it, and asks again.
  backfill: 'server-queue',
  promptHint: 'The answer is read in a program or chat front end, through an API. Markdown is shown there.',
};
