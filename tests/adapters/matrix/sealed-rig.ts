// A room rig with Ann, whose device encrypts, and an encrypted direct chat with her that the bot has entered.
import { systemClock } from '../../../shared/clock.ts';
import { makeSealedPerson, type SealedPerson } from '../../support/matrix/sealed-person.ts';
import type { Room, StoredEvent } from '../../support/matrix/world.ts';
import { openRoomRig, type RigOptions, type RoomRig } from './room-rig.ts';

export interface SealedRig extends RoomRig {
  ann: SealedPerson;
  /** With Ann alone. */
  room: Room;
  /** Texts of what came in, in order. */
  texts(): string[];
  /** What Ann reads of the bot, in order. */
  answers(): Promise<unknown[]>;
  /** Encrypted events of the bot, as they are stored. */
  sent(): readonly StoredEvent[];
}

export interface SealedOptions extends RigOptions {
  /** False: `room` is in the clear until the test says otherwise. Default true. */
  invite?: boolean;
}

export async function openSealedRig(options: SealedOptions = {}): Promise<SealedRig> {
  const rig = await openRoomRig(options);
  try {
    const { world, botId } = rig.server;
    const ann = await makeSealedPerson(world, botId, { name: 'Ann' });
    await ann.sync();
    const room = options.invite === false ? rig.server.room('Later', [ann]) : ann.invite();
    await rig.until(() => world.membership(room, botId) === 'join');
    const sent = () => room.events.filter(({ sender, type }) => sender === botId && type === 'm.room.encrypted');
    return Object.assign(rig, {
      ann,
      room,
      sent,
      texts: () => rig.record.received.map(({ text }) => text),
      answers: async () =>
        (await ann.read(room)).events
          .filter(({ sender, type }) => sender === botId && type === 'm.room.message')
          .map(({ content }) => content['body']),
    });
  } catch (error) {
    await rig.close();
    throw error;
  }
}

/** Time that a test can move; timers of a minute fire when it says so. */
export function makeShiftedClock() {
  let shift = 0;
  const waiting = new Set<() => void>();
  return {
    clock: {
      ...systemClock,
      now: () => Date.now() + shift,
      sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 1_000, signal),
      after(ms: number, fn: () => void) {
        if (ms < 50_000 || ms > 60_000) return systemClock.after(ms, fn);
        waiting.add(fn);
        return () => void waiting.delete(fn);
      },
    },
    waiting: () => waiting.size,
    pass(ms: number) {
      shift += ms;
      for (const fn of waiting) {
        waiting.delete(fn);
        fn();
      }
    },
  };
}
