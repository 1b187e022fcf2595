// One person over all platforms at once: messages in turn from everywhere, the gateway killed again and again. Every message is answered
// once, where it was asked, in order, and all of them are one conversation.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { callControl } from '../../cli/client.ts';
import { manifests } from '../../adapters/manifests.ts';
import { openData } from '../../data/db.ts';
import { freePort } from '../support/free-port.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import type { CallSeen } from '../support/model-server-script.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';
import { makeRandom } from '../support/random.ts';
import type { PersonsChat } from './chat.ts';
import { MAIL_MISSING, openChats } from './chats.ts';

const MESSAGES = 500;
const KILLS = 10;

let model: ModelServer;
let chats: readonly PersonsChat[];
let home: string;
let gateway: GatewayProcess;

async function start(): Promise<void> {
  gateway = await startGatewayProcess({ home });
  for (const chat of chats) chat.gatewayAt?.(gateway);
}

beforeAll(async () => {
  model = await startModelServer({
    script: (call) => ({ text: `Answer to ${askedIn(call).join(', ') || 'something else'}.` }),
  });
  const port = await freePort();
  chats = await openChats(`http://127.0.0.1:${port}`);
  home = makeHome({
    gateway: { port },
    model: { provider: 'custom', base_url: model.openAiUrl, name: 'test-model', api_key: 'test-key-1234' },
    platforms: Object.fromEntries(chats.map((chat) => [chat.platform, chat.settings])),
  });
  const secrets = chats.flatMap((chat) => chat.secrets);
  fs.writeFileSync(path.join(home, '.env'), `${secrets.join('\n')}\n`, { mode: 0o600 });
  await start();
}, 60_000);

afterAll(async () => {
  await gateway?.kill('SIGKILL');
  await Promise.all((chats ?? []).map((chat) => chat.close()));
  await model?.close();
  fs.rmSync(home, { recursive: true, force: true });
});

it.skipIf(MAIL_MISSING)(`no platform is left out ${MAIL_MISSING ? `(skipped: ${MAIL_MISSING})` : ''}`.trim(), () => {
  expect(chats.map((chat) => chat.platform).toSorted()).toEqual(manifests.map((manifest) => manifest.id).toSorted());
});

it('one code for each chat makes them one person', { timeout: 90_000 }, async () => {
  for (const chat of chats) {
    await chat.say('hi');
    if (chat.isOwners) {
      await waitFor(`an answer on ${chat.platform}`, async () => (await chat.told()).length > 0);
      continue;
    }
    const code = await waitFor(`a code on ${chat.platform}`, async () =>
      (await chat.told())
        .map((told) => /pairing code is \W*(\w{8})/.exec(told)?.[1])
        .find((found) => found !== undefined),
    );
    await callControl(home, 'pairing.approve', { platform: chat.platform, code, me: true });
  }
  const { paired } = await callControl(home, 'pairing.list', {});
  expect(paired.filter((identity) => identity.role === 'owner')).toHaveLength(chats.length);
});

it(
  `${MESSAGES} messages from everywhere and ${KILLS} kills: each is answered once, where it was asked`,
  { timeout: 240_000 },
  async () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    const random = makeRandom(seed);
    const asked = new Map<PersonsChat, number[]>(chats.map((chat) => [chat, []]));
    const answered = async (chat: PersonsChat) => numbersIn(await chat.told());
    const isCalm = async (chat: PersonsChat) => {
      const got = await answered(chat);
      return asked.get(chat)?.every((number) => got.includes(number)) === true;
    };
    for (let number = 1; number <= MESSAGES; number++) {
      const chat = chats[Math.floor(random() * chats.length)];
      if (!chat) throw new Error('there are no chats');
      asked.get(chat)?.push(number);
      await chat.say(`This is number ${number}, please`);
      if (number % Math.floor(MESSAGES / KILLS) !== 0) continue;
      // What nobody keeps must be taken before the kill; everything else may be anywhere on its way.
      for (const one of chats)
        if (one.keepsNothing) await waitFor(`calm on ${one.platform}`, () => isCalm(one), 60_000);
      await new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 120)));
      await gateway.kill('SIGKILL');
      await start();
    }
    // Last the page, whose every look is work of the gateway.
    for (const chat of chats.toReversed())
      await waitFor(
        `all answers on ${chat.platform}`,
        async () => {
          const told = await chat.told();
          const known = [...numbersIn(told), ...unsureOf(told)];
          return asked.get(chat)?.every((number) => known.includes(number));
        },
        120_000,
      );
    for (const chat of chats) {
      const told = await chat.told();
      const got = numbersIn(told);
      const lacking = (asked.get(chat) ?? []).filter((number) => !got.includes(number));
      expect(new Set(got).size, `${chat.platform} answered twice: ${got.join()}`).toBe(got.length);
      expect(got, `${chat.platform} out of order`).toEqual(got.toSorted((a, b) => a - b));
      // A send that the kill cut off, where the platform cannot tell: it is not repeated, and said.
      expect(unsureOf(told), `${chat.platform} lacks answers`).toEqual(expect.arrayContaining(lacking));
      expect(
        got.filter((number) => !asked.get(chat)?.includes(number)),
        'answers that belong elsewhere',
      ).toEqual([]);
    }
  },
);

it('all of it is one conversation, in which every question stands before its answer', async () => {
  await gateway.kill('SIGTERM');
  const data = await openData({ home });
  const rows = await data.db.query
    .selectFrom('messages')
    .select(['session_id', 'role', 'text'])
    .where('state', '=', 'active')
    .orderBy('id')
    .execute();
  await data.close();
  expect(new Set(rows.map((row) => row.session_id)).size).toBe(1);
  const numbers = (role: string) => rows.filter((row) => row.role === role).flatMap((row) => numbersOf(row.text));
  expect(numbers('user').toSorted((a, b) => a - b)).toEqual(Array.from({ length: MESSAGES }, (_, at) => at + 1));
  expect(numbers('assistant')).toEqual(numbers('user'));
});

/** What is asked since the last answer: messages that came in a burst are answered together. */
function askedIn(call: CallSeen): readonly string[] {
  const messages: unknown = call.body['messages'];
  if (!Array.isArray(messages)) return [];
  const last = messages.findLastIndex((one: { role?: unknown }) => one.role === 'assistant');
  return JSON.stringify(messages.slice(last + 1)).match(/number \d+/g) ?? [];
}

function numbersIn(told: readonly string[]): readonly number[] {
  return told.filter((one) => one.startsWith('Answer to')).flatMap(numbersOf);
}

function numbersOf(text: string): readonly number[] {
  return [...text.matchAll(/number (\d+)/g)].map((match) => Number(match[1]));
}

/** Answers of which Herald says that it cannot tell whether they arrived. */
function unsureOf(told: readonly string[]): readonly number[] {
  return told.filter((one) => one.includes('I cannot tell whether')).flatMap(numbersOf);
}
