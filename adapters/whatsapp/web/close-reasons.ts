// What to do when WhatsApp ends a connection, by the code that it gives (DisconnectReason in Baileys 7.0.0-rc14, and codes of <failure>
// stanzas as they were seen). Pure.
import type { AdapterState } from '../../contract.ts';
import { backoffMs } from '../../../shared/backoff.ts';

export interface CloseFacts {
  code: number;
  /** A phone has linked this device. */
  isLinked: boolean;
  /** This connection got as far as being logged in. */
  wasOpen: boolean;
  /** Connections in a row, with this one, that did not get that far. */
  failures: number;
  /** Rounds of pairing codes in a row, with this one, that nobody used. */
  pairingRounds: number;
}

export interface AfterClose {
  waitMs: number;
  /** The login is of no use any more. */
  forgetLogin: boolean;
  /** Our version of the protocol is too old: look for the present one. */
  refreshVersion: boolean;
  /** What to say meanwhile; undefined: leave what was said. */
  state?: AdapterState;
  detail?: string;
}

const NETWORK_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const VERSION_BACKOFF = { baseMs: 10_000, maxMs: 60 * 60_000 };
/** Codes are made anew for a while; then more and more rarely, since each round is a new registration and may ring the phone. */
const PAIRING_BACKOFF = { baseMs: 30_000, maxMs: 15 * 60_000 };
const QUICK_PAIRING_ROUNDS = 5;
const REPLACED_WAIT = { baseMs: 10 * 60_000, maxMs: 10 * 60_000 };
const REFUSED_WAIT = { baseMs: 30 * 60_000, maxMs: 30 * 60_000 };

const LOGGED_OUT =
  'WhatsApp has logged this device out, or it was removed in the phone’s list of linked devices. Link it again with the code that is shown.';

export function decideAfterClose(facts: CloseFacts, random: () => number = Math.random): AfterClose {
  const plain = { forgetLogin: false, refreshVersion: false };
  const { failures, isLinked, wasOpen } = facts;
  const retryMs = backoffMs(Math.max(1, failures), NETWORK_BACKOFF, random);
  switch (facts.code) {
    case 401:
    case 419:
      return { ...plain, waitMs: retryMs, forgetLogin: true, state: 'needs-login', detail: LOGGED_OUT };
    case 403:
      return {
        ...plain,
        waitMs: backoffMs(1, REFUSED_WAIT, random),
        state: 'needs-login',
        detail:
          'WhatsApp refuses this account; it may be restricted. The phone says why. It is tried again every half hour.',
      };
    case 405:
      return {
        ...plain,
        waitMs: backoffMs(Math.max(1, failures), VERSION_BACKOFF, random),
        refreshVersion: true,
        state: 'offline',
        detail:
          'WhatsApp calls this version of its web protocol too old. A newer one is tried; if this stays, update Herald.',
      };
    case 411:
      return {
        ...plain,
        waitMs: backoffMs(1, REFUSED_WAIT, random),
        state: 'needs-login',
        detail: 'The phone’s WhatsApp is too old for linked devices. Update it there.',
      };
    case 440:
      return {
        ...plain,
        waitMs: backoffMs(1, REPLACED_WAIT, random),
        state: 'offline',
        detail:
          'Another program uses the login of this linked device and took the connection over. Stop the other one; this one tries again every ten minutes.',
      };
    case 515:
      return { ...plain, waitMs: 0 };
    default:
      if (!isLinked && facts.pairingRounds > 0) return { ...plain, waitMs: pairingWaitMs(facts.pairingRounds, random) };
      return wasOpen
        ? { ...plain, waitMs: retryMs, state: 'connecting' }
        : {
            ...plain,
            waitMs: retryMs,
            state: 'offline',
            detail: 'WhatsApp cannot be reached; it is tried again by itself.',
          };
  }
}

function pairingWaitMs(rounds: number, random: () => number): number {
  if (rounds <= QUICK_PAIRING_ROUNDS) return backoffMs(1, NETWORK_BACKOFF, random);
  return backoffMs(rounds - QUICK_PAIRING_ROUNDS, PAIRING_BACKOFF, random);
}
