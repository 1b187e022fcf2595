// Proof that messages go both ways: Herald writes to the owner on a platform, and waits for whatever they answer.
import { callControl } from '../client.ts';
import type { CliContext } from '../context.ts';
import { asAppError } from '../../shared/errors.ts';
import { fail, ok, warn, type Finding } from './finding.ts';

const LOOK_MS = 500;
const ANSWER_MS = 2 * 60_000;

/** Never rejects. */
export async function proveLive(context: CliContext, platforms: readonly string[]): Promise<readonly Finding[]> {
  try {
    const { chats, without } = await callControl(context.home, 'probe-send', { platforms: [...platforms] });
    const findings: Finding[] = without.map((one) =>
      warn(
        'live',
        `${one}: you never wrote to Herald there, so nothing could be sent`,
        'Write to it there, and approve the code that it answers: herald pairing list',
      ),
    );
    for (const { key, platform: name } of chats) {
      context.note(`Herald wrote to you on ${name}. Answer it there with anything (2 minutes).`);
      findings.push(...(await waitFor(context, { key, name })));
    }
    return findings;
  } catch (error) {
    return [fail('live', asAppError(error).publicMessage, 'herald status')];
  }
}

async function waitFor(context: CliContext, { key, name }: { key: string; name: string }): Promise<readonly Finding[]> {
  const end = context.clock.now() + ANSWER_MS;
  for (;;) {
    const probe = await callControl(context.home, 'probe-look', { key });
    if (probe.answered) return [ok('live', `${name}: sent and received`)];
    if (probe.sent === 'failed')
      return [fail('live', `${name}: it could not be sent. ${probe.problem ?? ''}`.trim(), 'herald logs')];
    if (context.clock.now() > end) {
      return probe.sent === 'sent'
        ? [warn('live', `${name}: sent, but no answer came in time`, 'Look at your chat with Herald there.')]
        : [fail('live', `${name}: it was not sent in time`, 'herald status')];
    }
    await context.clock.sleep(LOOK_MS);
  }
}
