// The version of WhatsApp Web that is in use now: the server refuses clients that are too old (code 405).
import type { WAVersion } from 'baileys';
import { systemClock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';

const SOURCE = 'https://web.whatsapp.com/sw.js';
const TIMEOUT_MS = 10_000;
const MAX_CHARS = 2_000_000;

/** Undefined when it cannot be found out. Never rejects. */
export async function fetchWebVersion(fetchPage: typeof fetch, signal: AbortSignal): Promise<WAVersion | undefined> {
  try {
    return await withDeadline({ clock: systemClock, timeoutMs: TIMEOUT_MS, parent: signal }, async (until) => {
      const response = await fetchPage(SOURCE, { signal: until, redirect: 'error' });
      const text = (await response.text()).slice(0, MAX_CHARS);
      const revision = /\\?"client_revision\\?":\s*(\d{6,12})/.exec(text)?.[1];
      return response.ok && revision ? [2, 3000, Number(revision)] : undefined;
    });
  } catch {
    return undefined;
  }
}
