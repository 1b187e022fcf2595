// What MCP servers may ask of the gateway: logins that the owner is told of, questions to the person, files.
import { afterEach, expect, test } from 'vitest';
import { parseMarkdown } from '../../../../adapters/markdown.ts';
import type { Mcp } from '../../../../agent/mcp/mcp.ts';
import type { ElicitationField, ElicitationQuestion } from '../../../../agent/mcp/ports.ts';
import { personScope } from '../../../../data/scope.ts';
import { openMcpDesk, type McpDesk } from '../../../../gateway/compose/hands/mcp.ts';
import { answerOf, questionOf } from '../../../../gateway/compose/hands/elicitation.ts';
import { makeFileStore } from '../../../../gateway/media/downloads.ts';
import { AppError } from '../../../../shared/errors.ts';
import { accountId, chatId, personId, sessionId, turnId } from '../../../../shared/ids.ts';
import { silentLog } from '../../../../shared/log.ts';
import { makeFakePlatform } from '../../../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../../../support/gateway.ts';

let gateway: TestGateway | undefined;
let desk: McpDesk | undefined;
afterEach(async () => {
  desk?.close();
  await gateway?.close();
});

const address = { platform: 'pigeon', account: accountId('bot'), chat: chatId('dm'), kind: 'dm' } as const;
const caller = {
  scope: personScope(personId('p')),
  session: sessionId('s'),
  turn: turnId('t'),
  role: 'owner',
  address,
  workspace: '/w',
} as const;

interface Logins {
  /** How the next login goes, once its address was shown. */
  end: PromiseWithResolvers<void>;
  begun: number;
}

async function open(needsLogin = true): Promise<{ desk: McpDesk; logins: Logins; at: TestGateway }> {
  const fake = makeFakePlatform();
  const at = (gateway = await openTestGateway({ platforms: [fake] }));
  await at.pair(fake, 'ada');
  await fake.say('hello', { user: 'ada' });
  await at.settle();
  const logins: Logins = { end: Promise.withResolvers<void>(), begun: 0 };
  const none = () => Promise.reject(new Error('not part of this test'));
  const mcp: Mcp = {
    tools: () => [],
    status: () => [],
    refresh: none,
    allow: () => undefined,
    async login(server, signal) {
      logins.begun++;
      if (!needsLogin) return;
      await made.ports.showLogin?.(server, `https://login.example/${server}?a=b_c*d*`);
      const cut = Promise.withResolvers<never>();
      const onAbort = () => cut.reject(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort, { once: true });
      await Promise.race([logins.end.promise, cut.promise]);
    },
    completeLogin: () => logins.end.resolve(),
    logout: none,
    reload: none,
    close: async () => undefined,
  };
  const files = makeFileStore({ home: at.home, clock: at.clock, maxBytes: 1_000 });
  const { db, clock, core } = at;
  const made = (desk = openMcpDesk({ db, clock, log: silentLog, files, core: () => core, mcp: async () => mcp }));
  return { desk: made, logins, at };
}

test('a login has an address, which the owner is sent too, and is waited for', async () => {
  const {
    desk: { control },
    logins,
    at,
  } = await open();
  expect(await control.beginLogin('tracker')).toEqual({ address: 'https://login.example/tracker?a=b_c*d*' });
  // Asked twice, it is the same one.
  expect(await control.beginLogin('tracker')).toEqual({ address: 'https://login.example/tracker?a=b_c*d*' });
  expect(logins.begun).toBe(1);
  const early = control.awaitLogin('tracker', 1_000);
  await at.clock.advance(1_000);
  expect(await early).toBe(false);
  await control.completeLogin('tracker', 'http://127.0.0.1/cb');
  expect(await control.awaitLogin('tracker', 1_000)).toBe(true);
  await at.settle();
  const told = await at.db.query.selectFrom('outbox').select('text').where('kind', '=', 'notice').execute();
  const shown = JSON.stringify(told.map(({ text }) => parseMarkdown(text)));
  expect(shown).toContain('"href":"https://login.example/tracker?a=b_c*d*"');
});

test('a login that needs nobody, one that fails, one that was never begun', async () => {
  const ready = await open(false);
  expect(await ready.desk.control.beginLogin('tracker')).toEqual({ address: undefined });
  await expect(ready.desk.control.awaitLogin('other', 1)).rejects.toMatchObject({ code: 'not_found' });
  desk?.close();
  await gateway?.close();
  const failing = await open();
  await failing.desk.control.beginLogin('tracker');
  failing.logins.end.reject(new AppError('not_allowed', 'Refused there.'));
  await expect(failing.desk.control.awaitLogin('tracker', 1)).rejects.toMatchObject({ code: 'not_allowed' });
});

test('logins end with the gateway', async () => {
  const { desk: made } = await open();
  await made.control.beginLogin('tracker');
  const waiting = made.control.awaitLogin('tracker', 60_000);
  made.close();
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
});

test('files of servers are kept', async () => {
  const { desk: made } = await open();
  const file = await made.ports.storeFile?.({ name: 'a.png', mime: 'image/png', bytes: new Uint8Array([1, 2]) });
  expect(file).toMatchObject({ kind: 'image', name: 'a.png', bytes: 2 });
});

const field = (more: Partial<ElicitationField> & Pick<ElicitationField, 'name' | 'type'>): ElicitationField => ({
  title: more.name,
  description: '',
  required: true,
  ...more,
});
const form = (...fields: ElicitationField[]): ElicitationQuestion => ({
  server: 'shop',
  caller,
  message: 'Which one?',
  mode: 'form',
  fields,
});
const options = [
  { value: 's', title: 'Small' },
  { value: 'l', title: 'Large' },
];
const fields = [
  field({ name: 'size', type: 'choice', options }),
  field({ name: 'extras', type: 'choices', options }),
  field({ name: 'count', type: 'integer', default: 2 }),
  field({ name: 'gift', type: 'boolean' }),
  field({ name: 'note', type: 'text', required: false }),
];

test('a form is asked field by field, as words of the server', () => {
  const asked = questionOf(form(...fields), { key: 'k', ttlMs: 5 });
  expect(asked).toMatchObject({ asker: 'the MCP server shop', canDecline: true, key: 'k', ttlMs: 5, turn: 't' });
  expect(asked.fields.map(({ text, choices, multi }) => [text, choices, multi])).toEqual([
    ['Which one?\n\nsize', ['Small', 'Large'], false],
    ['extras', ['Small', 'Large'], true],
    ['count\nA whole number. Proposed: 2', [], false],
    ['gift', ['Yes', 'No'], false],
    ['note', ['Leave it out'], false],
  ]);
});

test('answers come back as values; what does not fit is none', () => {
  const answered = (values: Record<string, readonly string[]>) =>
    answerOf(form(...fields), { state: 'answered', values, origin: 'owner' });
  const good = { f0: ['Large'], f1: ['Small', 'Large'], f2: ['3'], f3: ['No'], f4: ['Leave it out'] };
  expect(answered(good)).toEqual({
    action: 'accept',
    content: { size: 'l', extras: ['s', 'l'], count: 3, gift: false },
  });
  expect(answered({ ...good, f4: ['for ada'] })).toMatchObject({ content: { note: 'for ada' } });
  for (const wrong of [{ f0: ['Huge'] }, { f2: ['3.5'] }, { f2: [''] }, { f3: ['maybe'] }, { f1: ['Small', 'x'] }])
    expect(answered({ ...good, ...wrong })).toEqual({ action: 'cancel' });
  expect(answerOf(form(...fields), { state: 'declined' })).toEqual({ action: 'decline' });
  expect(answerOf(form(...fields), { state: 'expired' })).toEqual({ action: 'cancel' });
});

test('an address is shown with where it leads, and only “Done” counts', () => {
  const question: ElicitationQuestion = {
    server: 'shop',
    caller,
    message: 'Pay.',
    mode: 'url',
    url: 'https://pay.example/x',
    host: 'pay.example',
  };
  expect(questionOf(question, { key: 'k', ttlMs: 5 }).fields[0]?.text).toBe(
    'Pay.\n\nThis leads to pay.example:\nhttps://pay.example/x',
  );
  const said = (text: string) => answerOf(question, { state: 'answered', values: { opened: [text] }, origin: 'owner' });
  expect([said('Done'), said('what is this?')]).toEqual([{ action: 'accept' }, { action: 'cancel' }]);
});
