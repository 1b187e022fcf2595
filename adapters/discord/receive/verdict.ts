// What the end of a connection means for the next one.
// https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes, read 2026-11-21.
import { GatewayCloseCodes } from 'discord.js';
import { NEW_TOKEN } from '../errors.ts';
import type { ConnectionEnd } from './gateway.ts';

export interface Trouble {
  state: 'needs-login' | 'offline';
  detail: string;
  waitMs: number;
}

export interface Verdict {
  /** Whether the session is worth a try. */
  mayResume: boolean;
  /** Set: a person must do something, or it is no use to hurry. */
  trouble: Trouble | undefined;
}

/** Tried again by itself, since what is wrong may be put right without a restart; each try costs one of 1,000 IDENTIFYs a day. */
export const LOGIN_WAIT_MS = 5 * 60_000;

const TROUBLE: Readonly<Record<number, Omit<Trouble, 'waitMs'>>> = {
  [GatewayCloseCodes.AuthenticationFailed]: { state: 'needs-login', detail: NEW_TOKEN },
  [GatewayCloseCodes.DisallowedIntents]: {
    state: 'needs-login',
    detail:
      'The bot may not read messages. Switch on "Message Content Intent" in the developer portal: https://discord.com/developers/applications, your application, Bot, Privileged Gateway Intents. It connects by itself within five minutes then.',
  },
  [GatewayCloseCodes.ShardingRequired]: {
    state: 'offline',
    detail: 'The bot is in more servers than one connection may serve (2,500). Remove it from some.',
  },
};

const NEW_SESSION: readonly number[] = [
  // "your session will be invalidated"
  1_000,
  1_001,
  GatewayCloseCodes.NotAuthenticated,
  GatewayCloseCodes.AlreadyAuthenticated,
  GatewayCloseCodes.InvalidSeq,
  GatewayCloseCodes.SessionTimedOut,
];

export function judgeEnd({ code, session }: Pick<ConnectionEnd, 'code' | 'session'>): Verdict {
  const known = code === undefined ? undefined : TROUBLE[code];
  if (known) return { mayResume: false, trouble: { ...known, waitMs: LOGIN_WAIT_MS } };
  if (code !== undefined && code >= GatewayCloseCodes.InvalidShard && code <= GatewayCloseCodes.InvalidIntents) {
    const detail = `Discord refuses the connection (code ${code}). It is tried again now and then; a newer version of Herald may help.`;
    return { mayResume: false, trouble: { state: 'offline', detail, waitMs: LOGIN_WAIT_MS } };
  }
  return { mayResume: session !== undefined && !NEW_SESSION.includes(code ?? 0), trouble: undefined };
}
