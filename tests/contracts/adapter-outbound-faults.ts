// Sends that fail: never an exception, a code of the closed union, and the truth about whether it may have gone out.
import { describe, expect } from 'vitest';
import type { SendResult } from '../../adapters/contract.ts';
import { messageId } from '../../shared/ids.ts';
import type { AdapterHarness, AdapterRig, ContractCase } from './adapter-harness.ts';
import { describeError, makeOutbound, send, sendOk } from './adapter-samples.ts';

export function describeOutboundFaults(harness: AdapterHarness, contractCase: ContractCase): void {
  describe('sends that fail', () => {
    describeRefusals(harness, contractCase);
    describeNetwork(contractCase);
  });
}

/** The result as a failure, after looking that its cause tells no secret. */
function failure(rig: AdapterRig, result: SendResult): Extract<SendResult, { ok: false }> {
  if (result.ok) throw new Error('the send was expected to fail');
  const told = describeError(result.cause);
  for (const secret of rig.secrets)
    expect(told.includes(secret), 'a secret is in the cause of a failed send').toBe(false);
  return result;
}

function describeRefusals(harness: AdapterHarness, contractCase: ContractCase): void {
  contractCase(
    'markup that the platform refuses gives code format, and plain text then goes out',
    async (rig, skip) => {
      if (!rig.faults.refuseFormat) return skip();
      rig.faults.refuseFormat(true);
      const message = makeOutbound('some **bold** text');
      const refused = failure(rig, await send(rig, rig.dm, message));
      expect(refused).toMatchObject({ code: 'format', reached: 'no' });
      await sendOk(rig, rig.dm, { ...message, plain: true });
      expect((await rig.seen(rig.dm)).map(({ text, formatted }) => ({ text, formatted }))).toEqual([
        { text: 'some bold text', formatted: false },
      ]);
    },
  );

  contractCase('a rate limit says how long to wait', async (rig, skip) => {
    if (!rig.faults.rateLimit) return skip();
    rig.faults.rateLimit(3_000);
    const refused = failure(rig, await send(rig, rig.dm, 'too fast'));
    expect(refused).toMatchObject({ code: 'rate_limited', reached: 'no', retryAfterMs: 3_000 });
    expect(await rig.seen(rig.dm)).toEqual([]);
  });

  contractCase('a person who blocked us gives code forbidden', async (rig, skip) => {
    if (!rig.faults.block) return skip();
    rig.faults.block(true);
    expect(failure(rig, await send(rig, rig.dm, 'hello?'))).toMatchObject({ code: 'forbidden', reached: 'no' });
    rig.faults.block(false);
    await sendOk(rig, rig.dm, 'hello again');
  });

  contractCase('a chat that does not exist gives code not_found', async (rig, skip) => {
    if (!rig.nowhere) return skip();
    expect(failure(rig, await send(rig, rig.nowhere, 'anyone?'))).toMatchObject({ code: 'not_found', reached: 'no' });
  });

  contractCase('an edit of a message that does not exist gives code not_found', async (rig, skip) => {
    if (harness.capabilities.edits.support !== 'full' || !rig.adapter.edit) return skip();
    const result = await rig.adapter.edit(rig.dm, messageId('999999'), makeOutbound('x'), AbortSignal.timeout(10_000));
    expect(failure(rig, result)).toMatchObject({ code: 'not_found', reached: 'no' });
  });

  contractCase('a send that was cancelled before it began did not go out', async (rig) => {
    const result = await rig.adapter.send(rig.dm, makeOutbound('cancelled'), AbortSignal.abort());
    expect(failure(rig, result)).toMatchObject({ reached: 'no' });
    expect(await rig.seen(rig.dm)).toEqual([]);
  });
}

function describeNetwork(contractCase: ContractCase): void {
  contractCase("an error of the platform's own may have sent it", async (rig, skip) => {
    if (!rig.faults.serverError) return skip();
    rig.faults.serverError();
    expect(failure(rig, await send(rig, rig.dm, 'one'))).toMatchObject({ code: 'unreachable', reached: 'maybe' });
    await sendOk(rig, rig.dm, 'two');
  });

  contractCase('a connection that drops before the platform acts may have sent it', async (rig, skip) => {
    if (!rig.faults.dropBefore) return skip();
    rig.faults.dropBefore();
    expect(failure(rig, await send(rig, rig.dm, 'lost'))).toMatchObject({ code: 'unreachable', reached: 'maybe' });
    expect(await rig.seen(rig.dm)).toEqual([]);
  });

  contractCase(
    'a connection that drops after the platform acted is told the same way, and is not sent again by the adapter',
    async (rig, skip) => {
      if (!rig.faults.dropAfter) return skip();
      rig.faults.dropAfter();
      expect(failure(rig, await send(rig, rig.dm, 'sent unseen'))).toMatchObject({
        code: 'unreachable',
        reached: 'maybe',
      });
      expect((await rig.seen(rig.dm)).map((message) => message.text)).toEqual(['sent unseen']);
    },
  );

  contractCase('a platform that is not there at all was certainly not reached', async (rig, skip) => {
    const { goAway, comeBack } = rig.faults;
    if (!goAway || !comeBack) return skip();
    await goAway();
    expect(failure(rig, await send(rig, rig.dm, 'nobody there'))).toMatchObject({ code: 'unreachable', reached: 'no' });
    await rig.adapter.typing?.(rig.dm);
    await rig.adapter.publishCommands?.([{ name: 'help', description: 'Help' }]);
    await comeBack();
    await sendOk(rig, rig.dm, 'back');
    expect((await rig.seen(rig.dm)).map((message) => message.text)).toEqual(['back']);
  });
}
