// What the ways to a person can do: Home Assistant's own notifications, its companion app, other notify actions, and voice devices.
import { everyKind, TEXT_ONLY, type Capabilities, type MediaSupport } from '../capabilities.ts';

/**
 * persistent: a notification in Home Assistant itself · mobile: in the companion app · notify: any other notify action, of which only
 * title and text are known · event: only the event herald_answer, for voice devices.
 */
export type Target = 'persistent' | 'mobile' | 'notify' | 'event';

/** Home Assistant sets no limit; a longer text is no notification any more. */
const PERSISTENT_MAX_CHARS = 10_000;
/**
 * Apple and Google take 4096 bytes for all of a push message, and Home Assistant tells nobody when that is passed
 * (https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification,
 * https://firebase.google.com/docs/cloud-messaging/concept-options, read 2026-11-21). The rest is for buttons and for what the relay adds.
 */
export const MOBILE_MAX_BYTES = 1_800;
/** Of an unknown service; what most messengers take. */
const NOTIFY_MAX_CHARS = 2_000;
/** What a voice device can read out in about a minute. */
const EVENT_MAX_CHARS = 1_000;
/** "Android allows 3 notification actions" (https://companion.home-assistant.io/docs/notifications/actionable-notifications, read 2026-11-21). */
export const MAX_ACTIONS = 3;
/** Each replacement is sent to all open pages of Home Assistant. */
const EDIT_INTERVAL_MS = 2_000;

/** Files are named in the text: Home Assistant would have to fetch them from us. */
const NAMED: MediaSupport = { support: 'fallback', maxBytes: 0, maxCaption: 0, mime: [] };

const COMMON = {
  media: everyKind(NAMED),
  ...TEXT_ONLY,
  /** The key is the notification's id or tag: a repeat replaces it by the same. */
  sendDedupe: 'by-key',
  backfill: 'none',
} as const satisfies Partial<Capabilities>;

export function makeCapabilities(target: Target): Capabilities {
  switch (target) {
    case 'persistent':
      return {
        ...COMMON,
        text: { max: PERSISTENT_MAX_CHARS, unit: 'utf16' },
        edits: { support: 'full', minIntervalMs: EDIT_INTERVAL_MS, maxAgeMs: Number.MAX_SAFE_INTEGER },
        promptHint:
          'The answer is shown as a notification in Home Assistant, which every user of that home can read. Markdown works; links are shown, images are not. Keep it short and say nothing private.',
      };
    case 'mobile':
      return {
        ...COMMON,
        text: { max: MOBILE_MAX_BYTES, unit: 'utf8-byte' },
        buttons: 'partial',
        promptHint: 'The answer is a notification on a phone: plain text, one or two short sentences.',
      };
    case 'notify':
      return {
        ...COMMON,
        text: { max: NOTIFY_MAX_CHARS, unit: 'utf16' },
        // What the service does with a second call is not known.
        sendDedupe: 'none',
        promptHint: 'The answer is a notification: plain text, a few short sentences.',
      };
    case 'event':
      return {
        ...COMMON,
        text: { max: EVENT_MAX_CHARS, unit: 'utf16' },
        sendDedupe: 'none',
        promptHint: 'The answer is read out by a voice device at home: one or two plain sentences, no lists, no links.',
      };
  }
}
