// Baileys, which is an optional package: its Signal library is GPL-3.0. Loaded when the web transport starts, and kept quiet.
import type * as BaileysModule from 'baileys';
import { AppError } from '../../../shared/errors.ts';

/** The version that this transport was written and tested for. */
export const BAILEYS_VERSION = '7.0.0-rc14';

export type Baileys = typeof BaileysModule;
export type LoadBaileys = () => Promise<Baileys>;

/** Rejects with AppError when the package is not there. `load` is for tests. */
export async function loadBaileys(load: LoadBaileys = () => import('baileys')): Promise<Baileys> {
  try {
    return await load();
  } catch (cause) {
    throw new AppError(
      'config_invalid',
      `WhatsApp (transport: device) needs the package baileys, which is not installed with Herald because a part of it is GPL-3.0. Run \`npm install baileys@${BAILEYS_VERSION}\` where Herald is installed and restart, or use transport: cloud.`,
      { cause },
    );
  }
}

/** What libsignal 6.0.0 writes to the console: whole sessions with their private keys among it. */
const NOISE =
  /^(?:Closing (?:stale )?(?:open )?session|Opening session|Removing old closed session|Session already (?:closed|open)|Failed to decrypt message with any|Session error:|Decrypted message with closed session|Migrating session to|V1 session storage migration|Unhandled bucket type|WARNING: Expected pubkey)/;

type Method = 'log' | 'info' | 'warn' | 'error';
type Output = Pick<Console, Method>;

const METHODS: readonly Method[] = ['log', 'info', 'warn', 'error'];
const quiet = new WeakSet<Output>();

/** Leaves libsignal's lines out of `output`, for good: it has no setting for that, and its lines hold keys. Idempotent. */
export function quietLibsignal(output: Output): void {
  if (quiet.has(output)) return;
  quiet.add(output);
  for (const method of METHODS) {
    const print = output[method].bind(output);
    output[method] = (...args: unknown[]) => {
      if (typeof args[0] !== 'string' || !NOISE.test(args[0])) print(...args);
    };
  }
}
