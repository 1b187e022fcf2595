// Ids that follow from a seed, for a process that does nothing else: which conversations see a trial hangs on them.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { makeRandom } from '../support/random.ts';

/** From now on, until the process ends. */
export function seedIds(seed: number): void {
  const random = makeRandom(seed);
  const fill = (view: NodeJS.ArrayBufferView) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let at = 0; at < bytes.length; at++) bytes[at] = Math.floor(random() * 256);
    return view;
  };
  Object.assign(crypto, { randomFillSync: fill });
  syncBuiltinESMExports();
}
