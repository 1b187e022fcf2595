// What a person must do on the phone so that this device is linked: a QR code, or a code to type in.
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Socket } from './socket.ts';

/** Baileys shows the first code for a minute and the others for twenty seconds each. */
const FIRST_QR_MS = 60_000;
const NEXT_QR_MS = 20_000;
/** As long as the connection that asked for it: the first code and five others. */
const TYPED_CODE_MS = FIRST_QR_MS + 5 * NEXT_QR_MS;

const WHERE = 'On the phone: WhatsApp → Settings → Linked devices → Link a device';

export interface Pairing {
  /** A new code came; shows what belongs to it. Never rejects. */
  show(qr: string): Promise<void>;
  /** Codes that this connection has shown. */
  readonly shown: number;
}

export interface PairingDeps {
  host: Pick<AdapterHost, 'login' | 'status' | 'log'>;
  clock: Clock;
  socket: Pick<Socket, 'requestPairingCode'>;
  /** Digits; undefined: by QR code. */
  phone: string | undefined;
}

export function makePairing({ host, clock, socket, phone }: PairingDeps): Pairing {
  let shown = 0;
  /** Asking again makes the code before void, and rings the phone. */
  let hasTypedCode = false;

  function showQr(data: string, lifeMs: number): void {
    const expiresAt = clock.now() + lifeMs;
    host.login({ kind: 'qr', data, caption: `${WHERE}, then scan this code.`, expiresAt });
  }

  return {
    get shown() {
      return shown;
    },
    async show(qr) {
      shown++;
      host.status('needs-login', 'Link this device with the phone: a code is shown in the terminal and on the page.');
      const lifeMs = shown === 1 ? FIRST_QR_MS : NEXT_QR_MS;
      if (!phone) return showQr(qr, lifeMs);
      if (hasTypedCode) return;
      hasTypedCode = true;
      try {
        const code = await socket.requestPairingCode(phone);
        const caption = `${WHERE} → Link with phone number instead, then type this code.`;
        host.login({
          kind: 'code',
          code: `${code.slice(0, 4)}-${code.slice(4)}`,
          caption,
          expiresAt: clock.now() + TYPED_CODE_MS,
        });
      } catch (error) {
        const name = error instanceof Error ? error.name : 'unknown';
        host.log.warn({ error: name }, 'WhatsApp gave no code to type in; a QR code is shown instead');
        showQr(qr, lifeMs);
      }
    },
  };
}
