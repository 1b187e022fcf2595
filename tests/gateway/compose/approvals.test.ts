// What a person reads before they allow a tool call.
import { expect, test } from 'vitest';
import { requestApproval } from '../../../data/policy/approvals.ts';
import { askForApproval } from '../../../gateway/compose/approvals.ts';
import { addressKey } from '../../../shared/messages.ts';
import { dm, openBench } from '../commands/command-bench.ts';

async function shownFor(json: string): Promise<string> {
  const bench = await openBench();
  const ada = await bench.person('ada', 'owner');
  const turn = await bench.exchange(ada, dm(ada), 'please do');
  const { scope } = await bench.route(ada, dm(ada));
  const approval = await requestApproval(bench.db, scope, {
    turn,
    callId: 'c1',
    chatKey: addressKey(dm(ada)),
    tool: 'send_message',
    arguments: json,
    digest: 'd',
    ttlMs: 600_000,
  });
  const shown: string[] = [];
  const seen = new AbortController();
  const post = async (_to: unknown, text: string) => {
    shown.push(text);
    seen.abort();
    return 'key';
  };
  const ports = { db: bench.db, clock: bench.clock, actions: { post } };
  await askForApproval(ports, approval, 'Why.', seen.signal).catch(() => undefined);
  return shown.join('\n');
}

test('signs that turn text around or cannot be seen are written out', async () => {
  const hidden = JSON.stringify({ text: 'pay \u202e001\u202c to Bob\u200b\u{e0041}' });
  const shown = await shownFor(hidden);
  expect(shown).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}\p{Cs}]/u);
  expect(shown).toContain('"pay \\u202e001\\u202c to Bob\\u200b\\udb40\\udc41"');
});

test('texts of several lines are shown as they are, whole, beside the rest', async () => {
  const command = 'echo one\n```\nrm -r build\u200b';
  const shown = await shownFor(JSON.stringify({ command, network: true }));
  expect(shown).toContain('{"network":true}');
  expect(shown).toContain('````\necho one\n```\nrm -r build\\u200b\n````');
});

test('a call that is too long only when it is written out is not asked for', async () => {
  expect(await shownFor(JSON.stringify({ text: '\u202e'.repeat(3_000) }))).toBe('');
});
