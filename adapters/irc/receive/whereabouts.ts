// Under which nick somebody with an account was seen last: messages go to nicks. Kept on disk, and checked before anything is sent there.
import type { AdapterHost } from '../../contract.ts';
import type { Session } from '../connection/session.ts';

const PREFIX = 'nick/';

export interface Whereabouts {
  /** Both names as the server writes them, the account's in lower case. */
  seen(account: string, nick: string): void;
  /** Whoever had the nick (in lower case) has another one now. */
  moved(lowerNick: string, nick: string, session: Pick<Session, 'lower'>): void;
  /** The nick to try; undefined: never seen. */
  nickOf(account: string): Promise<string | undefined>;
}

export function makeWhereabouts(host: Pick<AdapterHost, 'cursor' | 'log'>): Whereabouts {
  const nicks = new Map<string, string>();

  function set(account: string, nick: string): void {
    if (nicks.get(account) === nick) return;
    nicks.set(account, nick);
    host.cursor
      .set(`${PREFIX}${account}`, nick)
      .catch(() => host.log.warn({}, 'where somebody was seen could not be written down'));
  }

  return {
    seen: set,
    moved(lowerNick, nick, session) {
      for (const [account, known] of nicks) if (session.lower(known) === lowerNick) set(account, nick);
    },
    nickOf: async (account) => nicks.get(account) ?? (await host.cursor.get(`${PREFIX}${account}`)),
  };
}
