// Life of an adapter: start, drop, reconnect, restart, stop.
import { describe, expect, it } from 'vitest';
import type { AdapterHarness, ContractCase } from './adapter-harness.ts';
import { describeError, send, sendOk } from './adapter-samples.ts';

export function describeLife(harness: AdapterHarness, contractCase: ContractCase): void {
  describe('life', () => {
    describeRunning(harness, contractCase);
    describeStopping(contractCase);
    describeAuthentication(harness);
  });
}

function describeRunning(harness: AdapterHarness, contractCase: ContractCase): void {
  contractCase('it says that it is online', async (rig) => {
    await rig.record.waitUntil(() => rig.record.states.at(-1)?.state === 'online');
  });

  contractCase(
    'a dropped connection is made again, and nothing said meanwhile is lost or doubled',
    async (rig, skip) => {
      if (!rig.faults.disconnect) return skip();
      await rig.say({ text: 'before' });
      await rig.record.waitFor((message) => message.text === 'before');
      for (let i = 0; i < 3; i++) {
        await rig.faults.disconnect();
        await rig.say({ text: `after drop ${i}` });
        await rig.record.waitFor((message) => message.text === `after drop ${i}`, 20_000);
      }
      expect(rig.record.received.map((message) => message.text)).toEqual([
        'before',
        'after drop 0',
        'after drop 1',
        'after drop 2',
      ]);
      await rig.record.waitUntil(() => rig.record.states.at(-1)?.state === 'online');
    },
  );

  contractCase('while the platform is away it is offline, and it comes back by itself', async (rig, skip) => {
    const { goAway, comeBack } = rig.faults;
    if (!goAway || !comeBack) return skip();
    await goAway();
    if (rig.isPushOnly) await send(rig, rig.dm, 'anybody there?');
    await rig.record.waitUntil(() => rig.record.states.some((entry) => entry.state === 'offline'), 20_000);
    await comeBack();
    await rig.record.waitUntil(() => rig.record.states.at(-1)?.state === 'online', 20_000);
    await rig.say({ text: 'welcome back' });
    await rig.record.waitFor((message) => message.text === 'welcome back', 20_000);
  });

  contractCase('messages sent while we were down are fetched at the next start, once each', async (rig, skip) => {
    if (harness.capabilities.backfill === 'none') return skip();
    await rig.say({ text: 'before' });
    await rig.record.waitFor((message) => message.text === 'before');
    await rig.restart(async () => {
      await rig.say({ text: 'while down 1' });
      await rig.say({ text: 'while down 2' });
    });
    await rig.record.waitFor((message) => message.text === 'while down 2', 20_000);
    expect(rig.record.received.map((message) => message.text)).toEqual(['before', 'while down 1', 'while down 2']);
  });
}

function describeStopping(contractCase: ContractCase): void {
  contractCase('stop can be called twice and at once, and nothing is received after it', async (rig) => {
    await rig.say({ text: 'heard' });
    await rig.record.waitFor((message) => message.text === 'heard');
    await Promise.all([rig.adapter.stop(), rig.adapter.stop()]);
    await rig.adapter.stop();
    const before = rig.record.answers.length;
    // A refusal by the platform is as good as silence here.
    await rig.say({ text: 'unheard' }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(rig.record.answers).toHaveLength(before);
  });

  contractCase('a send after stop is an answer, not an exception', async (rig) => {
    await sendOk(rig, rig.dm, 'running');
    await rig.adapter.stop();
    const result = await send(rig, rig.dm, 'stopped');
    if (!result.ok) expect(result.reached).toBe('no');
  });
}

function describeAuthentication(harness: AdapterHarness): void {
  const open = harness.openWithWrongSecret?.bind(harness);
  it.skipIf(!open)('a wrong secret ends in platform_auth or needs-login, and is not told', async () => {
    if (!open) return;
    const { error, record, secrets, close } = await open();
    try {
      const asksForLogin = record.states.some((entry) => entry.state === 'needs-login');
      if (!asksForLogin) expect(error).toMatchObject({ name: 'AppError', code: 'platform_auth' });
      const told = [describeError(error), ...record.logs, ...record.states.map((entry) => entry.detail ?? '')].join(
        '\n',
      );
      for (const secret of secrets) expect(told.includes(secret)).toBe(false);
    } finally {
      await close();
    }
  });
}
