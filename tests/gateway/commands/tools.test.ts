// /tools: what is listed, and switching tools off and on for one chat.
import { expect, test } from 'vitest';
import { getChat } from '../../../data/process/chats.ts';
import { dm, group, openBench } from './command-bench.ts';

test('lists tools by what becomes of them, with reasons and servers', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'owner');
  bench.agent.notes = ['memory (stdio): ready, 9 tools, [x](http://evil)', '  create is held back: it changed'];
  const { text } = await bench.run(ada, dm(ada), '/tools');
  expect(text).toMatch(/\*\*Always at hand\*\*\n- core: `clock`/);
  expect(text).toMatch(/\*\*Found when needed\*\*\n- web: `web_search`, `web_extract`/);
  expect(text).toMatch(/\*\*Not available\*\*\n- voice: `speak` \(not set up here\)/);
  expect(text).toMatch(/- memory \(stdio\): ready/);
  expect(text).toMatch(/\n {2}- create is held back/);
  // Titles of servers are theirs: no links of theirs.
  expect(text).not.toContain('[x](http');
});

test('a tool or group goes off in this chat alone, and on again', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'owner');
  expect((await bench.run(ada, dm(ada), '/tools off web')).text).toMatch(/`web` is off in this chat/);
  expect((await getChat(bench.db, dm(ada)))?.settings.disabledTools).toEqual(['web']);
  expect((await bench.run(ada, dm(ada), '/tools')).text).toMatch(/\*\*Off here\*\*\n- web: .*\(in this chat\)/);
  expect((await bench.run(ada, dm(ada, 'crow'), '/tools')).text).not.toContain('Off here');
  await bench.run(ada, dm(ada), '/tools off WEB');
  await bench.run(ada, dm(ada), '/tools off clock');
  expect((await getChat(bench.db, dm(ada)))?.settings.disabledTools).toEqual(['web', 'clock']);
  expect((await bench.run(ada, dm(ada), '/tools on web')).text).toBe(
    '`web` is not switched off in this chat any more.',
  );
  expect((await getChat(bench.db, dm(ada)))?.settings.disabledTools).toEqual(['clock']);
  expect((await bench.run(ada, dm(ada), '/tools on speak')).text).toMatch(/`speak` stays off: not set up here/);
});

test('refuses unknown names and, in groups, whoever may not settle that; nothing changes', async () => {
  const bench = await openBench();
  const ada = await bench.person('ada', 'owner');
  const bob = await bench.person('bob', 'member');
  await expect(bench.run(ada, dm(ada), '/tools off nothing')).rejects.toMatchObject({ code: 'not_found' });
  await expect(bench.run(ada, dm(ada), '/tools away web')).rejects.toMatchObject({ code: 'bad_input' });
  await expect(bench.run(bob, group(), '/tools off web')).rejects.toMatchObject({ code: 'not_allowed' });
  expect((await getChat(bench.db, group()))?.settings.disabledTools).toBeUndefined();
  expect((await bench.run(bob, group(), '/tools')).text).toContain('`web_search`');
  expect((await bench.run(ada, group(), '/tools off web')).text).toMatch(/is off in this chat/);
});
