// A linked device on a server of its own, for tests beyond the contract.
import { onTestFinished } from 'vitest';
import type { Adapter } from '../../../adapters/contract.ts';
import type { WebOptions } from '../../../adapters/whatsapp/web/adapter.ts';
import type { RecordingHost, RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import type { Phone } from '../../support/whatsapp/phone.ts';
import { FakeWhatsApp } from '../../support/whatsapp/server.ts';
import { makeAdapter, startAdapter } from './web-harness.ts';

export interface WebRig {
  whatsapp: FakeWhatsApp;
  ada: Phone;
  cursors: Map<string, string>;
  /** Starts a linked device that is online. */
  start(options?: StartOptions): Promise<{ adapter: Adapter; record: RecordingHost }>;
  /** Starts one, whatever becomes of it. */
  begin(options?: StartOptions): Promise<{ adapter: Adapter; record: RecordingHost }>;
}

export interface StartOptions {
  settings?: Record<string, unknown>;
  kept?: RecordingHostOptions;
  web?: WebOptions;
}

/** Closed by itself when the test ends. */
export async function openWeb(): Promise<WebRig> {
  const whatsapp = await FakeWhatsApp.start();
  onTestFinished(() => whatsapp.close());
  const ada = whatsapp.person({ phone: '15550002222', lid: '222000222000222', name: 'Ada' });
  const { cursors } = whatsapp.makeLogin();
  const closeLater = ({ adapter, record }: { adapter: Adapter; record: RecordingHost }) => {
    onTestFinished(async () => {
      await adapter.stop();
      await record.close();
    });
    return { adapter, record };
  };
  return {
    whatsapp,
    ada,
    cursors,
    start: async ({ settings = {}, kept = {}, web = {} } = {}) =>
      closeLater(await startAdapter(whatsapp, { cursors, ...kept }, settings, web)),
    async begin({ settings = {}, kept = {}, web = {} } = {}) {
      const record = makeRecordingHost({ cursors, ...kept });
      const adapter = makeAdapter(whatsapp, settings, web);
      const started = closeLater({ adapter, record });
      await adapter.start(record.host);
      return started;
    },
  };
}

/** Looks until `check` holds, at most five seconds. */
export async function until(what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
