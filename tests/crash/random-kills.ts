// kill -9 at random moments of a conversation that goes on. The seed decides all of them, so a failing run can be repeated.
import { makeRandom } from '../support/random.ts';
import { findFault, readTimeline, say, settled, startCrashing, type CrashWorld } from './scenario.ts';

export interface RandomRun {
  kills: number;
  /** Kills that hit the gateway before it had started. */
  early: number;
  messages: number;
  faults: readonly string[];
}

/** Longest pause between a message and the kill, in ms: about as long as an answer with its tools takes. */
const MAX_PAUSE_MS = 250;
const MAX_STREAK = 1;

export async function killAtRandom(world: CrashWorld, options: { kills: number; seed: number }): Promise<RandomRun> {
  const random = makeRandom(options.seed);
  const home = world.newHome();
  const tokens: string[] = [];
  const unsent = new Set<string>();
  let streak = 0;
  let early = 0;
  for (let kill = 0; kill < options.kills; kill++) {
    const token = `r${options.seed}x${String(kill).padStart(4, '0')}`;
    tokens.push(token);
    unsent.add(token);
    const gateway = await startCrashing(home, 0);
    // Recovery is killed too, but not three times in a row: a turn that was there in three crashes is rightly set aside.
    streak = streak < MAX_STREAK && random() < 0.4 ? streak + 1 : 0;
    if (streak === 0) await settled(gateway);
    for (const waiting of unsent) {
      if (!(await say(gateway, `message-${waiting}`, `TOKEN-${waiting}`))) break;
      unsent.delete(waiting);
      // Messages that follow each other at once would be one turn with one answer.
      if (unsent.size > 0) await settled(gateway);
    }
    await new Promise((resolve) => setTimeout(resolve, random() * MAX_PAUSE_MS));
    if (gateway.child.exitCode !== null) early++;
    await gateway.kill('SIGKILL');
  }
  const last = await startCrashing(home, 0);
  for (const waiting of unsent) {
    await say(last, `message-${waiting}`, `TOKEN-${waiting}`);
    await settled(last);
  }
  await settled(last);
  const lines = await readTimeline(last);
  await last.kill('SIGKILL');
  const faults = tokens.flatMap((token) => findFault(lines, token) ?? []);
  return { kills: options.kills, early, messages: tokens.length, faults };
}
