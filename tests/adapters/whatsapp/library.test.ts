import { describe, expect, it } from 'vitest';
import { loadBaileys, quietLibsignal } from '../../../adapters/whatsapp/web/library.ts';
import { fetchWebVersion } from '../../../adapters/whatsapp/web/web-version.ts';

describe('quietLibsignal', () => {
  it('keeps sessions and their keys out of the output, and lets all else pass', () => {
    const lines: unknown[][] = [];
    const note = (...args: unknown[]) => void lines.push(args);
    const output = { log: note, info: note, warn: note, error: note };
    quietLibsignal(output);
    quietLibsignal(output);
    const session = { currentRatchet: { ephemeralKeyPair: { privKey: 'SECRET' } } };
    output.info('Closing session:', session);
    output.info('Opening session:', session);
    output.warn('Session already closed', session);
    output.info('Removing old closed session:', session);
    output.error('Session error:Error: Bad MAC', 'stack');
    output.error('Failed to decrypt message with any known session...');
    output.warn('Closing open session in favor of incoming prekey bundle');
    output.warn('Decrypted message with closed session.');
    expect(lines).toEqual([]);
    output.log('a line', 1);
    output.error(new Error('Closing session: not libsignal'));
    expect(lines).toHaveLength(2);
  });
});

describe('loadBaileys', () => {
  it('loads the version that this was written for', async () => {
    const baileys = await loadBaileys();
    expect(typeof baileys.makeWASocket).toBe('function');
  });
});

describe('fetchWebVersion', () => {
  const ask = (text: string, status = 200) =>
    fetchWebVersion(() => Promise.resolve(new Response(text, { status })), AbortSignal.timeout(1_000));

  it('reads the present version, or nothing', async () => {
    expect(await ask('…"client_revision":1031234567,…')).toEqual([2, 3000, 1031234567]);
    expect(await ask('{\\"client_revision\\":1031234567}')).toEqual([2, 3000, 1031234567]);
    expect(await ask('no such thing')).toBeUndefined();
    expect(await ask('"client_revision":1031234567', 500)).toBeUndefined();
    const broken = () => Promise.reject(new TypeError('fetch failed'));
    expect(await fetchWebVersion(broken, AbortSignal.timeout(1_000))).toBeUndefined();
  });
});
