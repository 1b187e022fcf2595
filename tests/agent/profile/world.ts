// A person who says things on platforms, and a model of them; the clock is ours.
import { onTestFinished } from 'vitest';
import { revise } from '../../../agent/profile/revise.ts';
import type { AuxiliaryRequest } from '../../../agent/auxiliary.ts';
import { listClaims } from '../../../data/profile/claims.ts';
import type { NewMessage } from '../../../data/messages.ts';
import { finishTurn } from '../../../data/process/turns.ts';
import { createSession, type Session } from '../../../data/sessions.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { addPerson, DM, makeReply, openHome, startTurn, type Home } from '../fixture.ts';

export const DAY = 86_400_000;

export interface Said {
  platform?: string;
  /** Default: the person's current session. */
  who?: Pick<Home, 'person' | 'scope' | 'session'>;
  origin?: NewMessage['origin'];
  author?: string;
}

export async function openWorld() {
  const clock = makeFakeClock(Date.UTC(2026, 0, 1));
  const home = await openHome({ clock });
  onTestFinished(() => home.close());
  const { db, scope } = home;
  /** Stores one exchange; the id of what was said, and its turn. */
  async function say(text: string, { platform = 'testchat', who = home, origin = 'owner', author = 'Ann' }: Said = {}) {
    const turn = await startTurn({ ...home, ...who }, { ...DM, platform });
    const messages: NewMessage[] = [
      { role: 'user', author, text, origin },
      { role: 'assistant', author: '', text: 'I see.', origin: 'agent' },
    ];
    await finishTurn(db, { turn, state: 'done', messages, outbox: [], inbox: [] });
    const { id } = await db.query
      .selectFrom('messages')
      .select('id')
      .where('turn_id', '=', turn.id)
      .where('role', '=', 'user')
      .executeTakeFirstOrThrow();
    return { id, turn: turn.id };
  }
  return {
    home,
    db,
    clock,
    scope,
    say,
    other: (name: string) => addPerson(home, name),
    newSession: (): Promise<Session> => createSession(db, scope),
    /** Revises with a model that answers `answer`; what it was asked. */
    async revise(answer: object | string | AppError | undefined, who = scope) {
      const asked: AuxiliaryRequest[] = [];
      const result = await revise(
        {
          db,
          log: silentLog,
          ask:
            answer === undefined
              ? undefined
              : async (request) => {
                  asked.push(request);
                  if (answer instanceof AppError) throw answer;
                  return makeReply({ text: typeof answer === 'string' ? answer : JSON.stringify(answer) });
                },
        },
        who,
      );
      return { result, asked: JSON.stringify(asked) };
    },
    /** Texts with their states. */
    claims: async (who = scope) => (await listClaims(db, who)).map(({ text, state }) => `${text}: ${state}`),
    claim: async (text: string) => {
      const found = (await listClaims(db, scope)).find((one) => one.text === text);
      if (!found) throw new Error(`no claim "${text}"`);
      return found;
    },
  };
}
