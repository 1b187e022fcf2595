// Open pages and terminals that show what is said in other chats of their person: told that something may be new, at most a few times
// a second, and only while somebody looks.
import type { Clock } from '../../shared/clock.ts';
import type { Bus } from '../bus.ts';

/** What comes together is told together; a message's row has its person by then. */
const SETTLE_MS = 150;

export type Follow = (changed: () => void) => () => void;

export function makeFollowers(bus: Bus, clock: Clock): Follow {
  const followers = new Set<() => void>();
  let isDue = false;
  const wake = () => {
    if (isDue || followers.size === 0) return;
    isDue = true;
    clock.after(SETTLE_MS, () => {
      isDue = false;
      for (const changed of followers) changed();
    });
  };
  bus.on('inbox', wake);
  bus.on('outbox', wake);
  return (changed) => {
    followers.add(changed);
    return () => followers.delete(changed);
  };
}
