// The process dies at each of its writes in turn, while a message comes in and an answer goes out. Whatever was written by then is all that
// the next start finds.
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { makeSealedPerson } from '../../support/matrix/sealed-person.ts';
import { addressOf } from './matrix-harness.ts';
import { openSealedRig, type SealedRig } from './sealed-rig.ts';

const WRITES = 16;
const clock = {
  ...systemClock,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 1_000, signal),
};

/** Durable values that take so many more writes; values that are written together are one. */
class MortalValues extends Map<string, string> {
  left = Number.POSITIVE_INFINITY;
  deaths = 0;
  #isWriting = false;

  #spend(): void {
    if (this.#isWriting) return;
    if (this.left <= 0) {
      this.deaths++;
      throw new Error('dead');
    }
    this.left--;
    this.#isWriting = true;
    queueMicrotask(() => {
      this.#isWriting = false;
    });
  }

  override set(key: string, value: string): this {
    this.#spend();
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    this.#spend();
    return super.delete(key);
  }
}

let rig: SealedRig;
afterEach(() => rig.close());

it('killed at any write, it loses no message, says nothing twice, and both sides can still read each other', async () => {
  const cursors = new MortalValues();
  rig = await openSealedRig({ kept: { cursors }, ports: { clock } });
  const { ann, room, server } = rig;
  const to = addressOf(room, 'dm');
  const evi = await makeSealedPerson(server.world, server.botId, { name: 'Evi' });
  await evi.sync();
  let deaths = 0;
  for (let writes = 0; writes < WRITES; writes++) {
    const answer = makeOutbound(`answer ${writes}`);
    cursors.left = writes;
    // A new session each time, so that its key and the place in the sync are at stake too.
    server.world.setMember(room, evi.id, writes % 2 === 0 ? 'join' : 'leave');
    await ann.say(room, `message ${writes}`);
    const sending = rig.adapter.send(to, answer, AbortSignal.timeout(10_000));
    const hasCome = () => rig.texts().includes(`message ${writes}`);
    await rig.until(() => cursors.left <= 0 || hasCome());
    rig.record.failNext(1_000);
    await rig.restart(() => {
      cursors.left = Number.POSITIVE_INFINITY;
    });
    await sending;
    await rig.until(hasCome);
    deaths += Number(cursors.deaths > 0);
    cursors.deaths = 0;
    expect(await rig.adapter.send(to, answer, AbortSignal.timeout(10_000))).toMatchObject({ ok: true });
  }
  // Otherwise nothing was tried.
  expect(deaths).toBeGreaterThan(2);
  const numbers = Array.from({ length: WRITES }, (_, index) => index);
  expect(rig.texts()).toEqual(numbers.map((index) => `message ${index}`));
  expect(await rig.answers()).toEqual(numbers.map((index) => `answer ${index}`));
});
