// The first tools, through a whole turn: what they find, and what they must not find.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseChat } from '../../../agent/tools/send-message.ts';
import type { OwnChat } from '../../../agent/tools/tool.ts';
import type { JsonValue } from '../../../agent/providers/types.ts';
import type { AgentTurn, TranscriptEntry } from '../../../agent/port.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import {
  DM,
  makeAgent,
  makeAgentTurn,
  makeCall,
  makePorts,
  makeScriptedModel,
  openHome,
  startTurn,
  type Home,
} from '../fixture.ts';

let home: Home;
const clock = makeFakeClock(Date.UTC(2026, 10, 21, 12, 0, 0));
beforeEach(async () => {
  home = await openHome({ clock });
});
afterEach(() => home.close());

type Result = Extract<TranscriptEntry, { role: 'tool' }>;

/** Runs one call in a turn of `who`; the tool's result. */
async function call(
  name: string,
  args: { [key: string]: JsonValue },
  extra: {
    who?: Pick<Home, 'person' | 'scope' | 'session'>;
    turn?: Partial<AgentTurn>;
    ports?: ReturnType<typeof makePorts>;
  } = {},
): Promise<Result> {
  const who = { ...home, ...extra.who };
  const turn = await startTurn(who, extra.turn?.address);
  const model = makeScriptedModel([{ toolCalls: [makeCall(name, args)] }, { text: 'ok' }]);
  const agent = makeAgent(home, model, { clock, ...(extra.ports ? { ports: extra.ports } : {}) });
  const result = await agent.run(makeAgentTurn(who, turn, extra.turn), new AbortController().signal);
  const found = result.transcript.find((entry) => entry.role === 'tool');
  if (found?.role !== 'tool') throw new Error(`no result: ${result.text}`);
  return found;
}

describe('clock', () => {
  it("tells the time in the person's zone, or in another", async () => {
    expect((await call('clock', {})).text).toContain('Saturday, 21 November 2026 at 13:00, Europe/Vienna, GMT+1');
    expect((await call('clock', { timezone: 'Asia/Kolkata' })).text).toContain('17:30, Asia/Kolkata, GMT+5:30');
  });

  it('refuses a zone that does not exist', async () => {
    expect(await call('clock', { timezone: 'Mars/Base' })).toMatchObject({ isError: true });
  });
});

describe('send_message', () => {
  it("hands a message to the outbox of one of the person's own chats, with a key of its own", async () => {
    const ports = makePorts();
    const result = await call('send_message', { to: 'otherchat', text: 'hi there' }, { ports });
    expect(result).toMatchObject({ isError: false, text: 'Handed over for delivery to otherchat:Ann on other.' });
    expect(ports.sent).toMatchObject([{ to: { chat: 'c2' }, text: 'hi there' }]);
    expect(ports.sent[0]?.key).toMatch(/^[0-9a-f]{40}$/);
    await call('send_message', { to: 'Ann on other', text: 'hi there' }, { ports });
    expect(ports.sent).toHaveLength(2);
  });

  it('cannot reach any other chat', async () => {
    const ports = makePorts();
    const result = await call('send_message', { to: 'c99', text: 'hi' }, { ports });
    expect(result).toMatchObject({ isError: true });
    expect(result.text).toContain('Known: testchat:Ann, otherchat:Ann on other');
    expect(ports.sent).toEqual([]);
  });

  it('is not offered to guests', async () => {
    const result = await call('send_message', { to: 'otherchat', text: 'hi' }, { turn: { role: 'guest' } });
    expect(result.text).toContain('There is no tool "send_message"');
  });

  it('asks when several chats have the same name, and takes the latest of a platform', () => {
    const chat = (platform: string, title: string): OwnChat => ({
      address: { ...DM, platform },
      title,
    });
    const chats = [chat('one', 'Ann'), chat('two', 'Ann'), chat('two', 'Work')];
    expect(chooseChat(chats, 'ann')).toMatchObject({ ok: false });
    expect(chooseChat(chats, 'two:ANN')).toMatchObject({ ok: true, chat: { title: 'Ann' } });
    expect(chooseChat(chats, 'Two')).toMatchObject({ ok: true, chat: { title: 'Ann' } });
    expect(chooseChat([], 'x')).toMatchObject({ ok: false, problem: expect.stringContaining('none') });
  });
});
