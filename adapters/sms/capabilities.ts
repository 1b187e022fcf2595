// Limits of SMS through Twilio, each with its source, read 2026-11-21.
import { everyKind, TEXT_ONLY, type Capabilities, type MediaSupport } from '../capabilities.ts';

/** "Body … up to 1,600 characters", https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
export const MAX_BODY_CHARS = 1_600;
/** Of which so many are kept free to name files that cannot be sent. */
export const MAX_NOTE_CHARS = 100;

// Outgoing files would have to lie on a public address, and MMS reaches three countries only: files are named instead.
const named: MediaSupport = { support: 'fallback', maxBytes: 0, maxCaption: MAX_BODY_CHARS - MAX_NOTE_CHARS, mime: [] };

export const SMS_CAPABILITIES: Capabilities = {
  text: { max: MAX_BODY_CHARS - MAX_NOTE_CHARS, unit: 'utf16' },
  media: everyKind(named),
  ...TEXT_ONLY,
  // No key goes with a message, but Twilio lists what it took: see sent-log.ts.
  sendDedupe: 'read-back',
  // Twilio keeps messages for 400 days and lists them.
  backfill: 'history',
  promptHint:
    'The answer is read as an SMS on any phone, and each 160 characters cost money: plain text without markup or tables, short, without links that are not needed. Files cannot be sent.',
};
