// What the server's refusals mean.
import { SendError } from '../../send-error.ts';

/** WhatsApp names no time; long enough to matter, short enough for a person to wait. */
const RATE_LIMIT_WAIT_MS = 30_000;

/**
 * Codes with which the server refuses a stanza, as Baileys 7.0.0-rc14 names them (Utils/decode-wa-message) and as they were seen; a
 * refused message was not delivered to anybody.
 */
export function refusalOf(status: number): SendError {
  switch (status) {
    case 401:
    case 403:
      return new SendError('forbidden', 'no', 'WhatsApp does not let us write there.');
    case 404:
    case 406:
    case 410:
      return new SendError('not_found', 'no', 'WhatsApp knows no such chat.');
    case 429:
      return new SendError('rate_limited', 'no', 'WhatsApp asks to send less.', RATE_LIMIT_WAIT_MS);
    case 463:
      return new SendError(
        'forbidden',
        'no',
        'WhatsApp does not let this account write to people who did not write first. Let them write a message to it.',
      );
    default:
      return status >= 500
        ? new SendError('unreachable', 'maybe', `WhatsApp had a problem of its own (${status}).`)
        : new SendError('bad_request', 'no', `WhatsApp refused the message (${status}).`);
  }
}
