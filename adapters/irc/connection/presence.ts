// Being who and where we should be: identified, under our nick, in our channels; and being there again after a kick.
import { z } from 'zod';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import { preview } from '../../../shared/text.ts';
import { RegistrationError } from '../errors.ts';
import { channelsOf, type ChannelToJoin, type IrcSettings } from '../settings.ts';
import type { Session } from './session.ts';

const NICKSERV_WAIT_MS = 10_000;
/** A channel throws out who comes back at once. */
const REJOIN_MS = 30_000;
/** A channel that did not let us in, and a nick that was taken. */
const TRY_AGAIN_MS = 5 * 60_000;

/** Answers to JOIN that refuse it. https://modern.ircdocs.horse/#join-message, read 2026-11-21. */
const JOIN_REFUSALS = ['403', '405', '407', '437', '471', '473', '474', '475', '476', '477', '489', '520'];

export interface Presence {
  /** Identifies and joins; tells what is amiss, for people. Rejects with RegistrationError when NickServ refuses the password. */
  enter(session: Session): Promise<string | undefined>;
  /** Names, in lower case, of the channels that we are in. */
  joined(): readonly string[];
  /** Ends what waits to be tried again. */
  leave(): void;
}

export function makePresence(deps: {
  settings: IrcSettings;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
}): Presence {
  const { settings, clock, log, signal } = deps;
  const timers = new Set<() => void>();
  const joined = new Set<string>();

  function later(ms: number, task: () => Promise<unknown>): void {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      task().catch(() => undefined); // the connection ended; the next one begins anew
    });
    timers.add(cancel);
  }

  /** Why not, if not. */
  async function join(session: Session, channel: ChannelToJoin): Promise<string | undefined> {
    let refusal: string | undefined;
    const lower = session.lower(channel.name);
    const unwatch = session.watch(({ command, params }) => {
      if (JOIN_REFUSALS.includes(command) && session.lower(params[1] ?? '') === lower)
        refusal = params.at(-1) ?? command;
    });
    try {
      session.write(`JOIN ${channel.name}${channel.key === undefined ? '' : ` ${channel.key}`}`);
      await session.sync(signal);
    } finally {
      unwatch();
    }
    if (refusal === undefined) {
      joined.add(lower);
      return undefined;
    }
    log.warn({ channel: channel.name }, 'a channel did not let us in');
    later(TRY_AGAIN_MS, () => join(session, channel));
    return `${channel.name}: ${preview(refusal, 100)}`;
  }

  function watchKicks(session: Session, channels: readonly ChannelToJoin[]): void {
    session.on('kick', (payload) => {
      const kick = kickSchema.safeParse(payload);
      if (!kick.success || session.lower(kick.data.kicked) !== session.lower(session.nick())) return;
      const lower = session.lower(kick.data.channel);
      const channel = channels.find((one) => session.lower(one.name) === lower);
      joined.delete(lower);
      if (channel) later(REJOIN_MS, () => join(session, channel));
    });
  }

  async function keepNick(session: Session): Promise<void> {
    if (session.lower(session.nick()) !== session.lower(settings.nick)) session.write(`NICK ${settings.nick}`);
    later(TRY_AGAIN_MS, () => keepNick(session));
  }

  return {
    async enter(session) {
      this.leave();
      const channels = channelsOf(settings);
      const amiss: string[] = [];
      // What the server can do is told behind the welcome.
      await session.sync(signal);
      if (
        settings.auth === 'nickserv' &&
        settings.password !== undefined &&
        !(await identify(session, settings, clock))
      )
        amiss.push('NickServ did not answer');
      const botMode = session.option('BOT');
      if (botMode !== undefined && /^[A-Za-z]$/.test(botMode)) session.write(`MODE ${session.nick()} +${botMode}`);
      watchKicks(session, channels);
      for (const channel of channels) {
        const refusal = await join(session, channel);
        if (refusal !== undefined) amiss.push(refusal);
      }
      if (session.lower(session.nick()) !== session.lower(settings.nick))
        amiss.push(`the nick is ${session.nick()}, ours is taken`);
      later(TRY_AGAIN_MS, () => keepNick(session));
      if (!session.hasCapability('account-tag') && !settings.trust_nicks)
        amiss.push(
          'this server tells no services accounts, so nobody can be known; on a server of your own, set trust_nicks: true',
        );
      return amiss.length > 0 ? `${amiss.join('; ')}.` : undefined;
    },
    joined: () => [...joined],
    leave() {
      for (const cancel of timers) cancel();
      timers.clear();
      joined.clear();
    },
  };
}

const kickSchema = z.looseObject({ kicked: z.string(), channel: z.string() });

/** False when nothing was heard. */
async function identify(session: Session, settings: IrcSettings, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<'in' | 'refused' | undefined>();
  session.on('loggedin', () => resolve('in'));
  session.on('notice', (payload) => {
    const notice = noticeSchema.safeParse(payload);
    if (!notice.success || !/^nickserv$/i.test(notice.data.nick)) return;
    // The wordings of Atheme and Anope.
    if (/\b(?:identified|accepted|recognized|logged in)\b/i.test(notice.data.message)) resolve('in');
    else if (/\b(?:invalid|incorrect|isn't registered|not registered|failed)\b/i.test(notice.data.message))
      resolve('refused');
  });
  void session.closed.then(() => resolve(undefined));
  const cancel = clock.after(NICKSERV_WAIT_MS, () => resolve(undefined));
  const account = settings.account === undefined ? '' : `${settings.account} `;
  session.write(`PRIVMSG NickServ :IDENTIFY ${account}${settings.password ?? ''}`);
  const outcome = await promise;
  cancel();
  if (outcome === 'refused') throw new RegistrationError('login', 'NickServ refuses the password.');
  return outcome === 'in';
}

const noticeSchema = z.looseObject({ nick: z.string(), message: z.string() });
