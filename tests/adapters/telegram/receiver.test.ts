// What becomes of one update on its way to the core: stored, left out, or given back.
import { describe, expect, it } from 'vitest';
import type { AdapterHost } from '../../../adapters/contract.ts';
import { makeTelegramApi } from '../../../adapters/telegram/api.ts';
import { makeReceiver } from '../../../adapters/telegram/receive/receiver.ts';
import { accountId } from '../../../shared/ids.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';

function makeRig(receive: AdapterHost['receive']) {
  const warnings: { fields: object; message: string }[] = [];
  const host: AdapterHost = {
    receive,
    status: () => undefined,
    cursor: makeRecordingHost().host.cursor,
    backfill: { maxAgeMs: 1, maxMessages: 1 },
    gap: async () => undefined,
    login: () => undefined,
    transcribe: async () => 'hello',
    isPaired: async () => true,
    setup: async () => undefined,
    timeline: async () => [],
    exchange: async () => ({ asked: [], isOpen: false, said: [] }),
    follow: () => () => undefined,
    serve: () => undefined,
    storeUpload: () => Promise.reject(new Error('not part of this test')),
    log: { ...silentLog, warn: (fields, message) => void warnings.push({ fields, message }) },
    signal: new AbortController().signal,
  };
  const refuseFetch: typeof fetch = () => Promise.reject(new Error('not part of this test'));
  const receiver = makeReceiver({
    api: makeTelegramApi({ token: '1:test', apiRoot: 'http://127.0.0.1:9', fetch: refuseFetch }),
    host,
    account: accountId('1'),
    bot: { id: 1, username: 'herald_test_bot' },
    redactor: makeRedactor([]),
    clock: makeFakeClock(),
    signal: host.signal,
  });
  return { receiver, warnings };
}

const from = { id: 5, is_bot: false, first_name: 'Ann' };
const update = {
  update_id: 1,
  message: { message_id: 1, date: 1, chat: { id: 5, type: 'private' }, from, text: 'hi' },
};

describe('an update', () => {
  it('whose reading throws is left out and told, so that it does not come again for ever', async () => {
    const { receiver, warnings } = makeRig(() => Promise.reject(new Error('nothing was to be stored')));
    const hostile = {
      update_id: 2,
      get message(): never {
        throw new RangeError('private words');
      },
    };
    await receiver.take(hostile);
    expect(warnings).toEqual([
      { fields: { reason: 'reading it failed (RangeError)' }, message: 'update could not be read' },
    ]);
  });

  it('that cannot be stored is given back', async () => {
    const { receiver } = makeRig(() => Promise.reject(new Error('no room')));
    await expect(receiver.take(update)).rejects.toThrow('no room');
  });
});
