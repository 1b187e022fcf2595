// The terminal platform: the local socket only, one chat per name, the owner as the only person.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeTerminalAdapter } from '../../../adapters/terminal/adapter.ts';
import { terminalManifest } from '../../../adapters/terminal/manifest.ts';
import { makeSocketTransport } from '../../../cli/tui/socket-transport.ts';
import { accountId } from '../../../shared/ids.ts';
import { collect, makeSocketFolder, openLocalServer, openSocketWatcher, type LocalServer } from '../local-chat/rig.ts';

const account = accountId('default');
let place: Awaited<ReturnType<typeof makeSocketFolder>>;
let server: LocalServer;

beforeEach(async () => {
  place = await makeSocketFolder();
  server = await openLocalServer({
    platform: 'terminal',
    account,
    socketPath: place.socketPath,
    make: () => makeTerminalAdapter({ platform: 'terminal', account, settings: { max_upload_mb: 1 }, fetch }),
  });
});
afterEach(async () => {
  await server.close();
  await server.record.close();
  await place.remove();
});

it('refuses everything that does not come over the local socket', async () => {
  for (const target of ['events', 'timeline', 'files/x']) {
    const answer = await fetch(`${server.http.url}/terminal/default/${target}`);
    expect([answer.status, await answer.json()]).toMatchObject([403, { error: { code: 'not_allowed' } }]);
  }
  const posted = await fetch(`${server.http.url}/terminal/default/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'message-1', text: 'hello' }),
  });
  expect(posted.status).toBe(403);
  expect(server.record.received).toEqual([]);
});

it('knows the owner of the machine as the one who writes, in the chat that is named', async () => {
  const send = async (query: string, id: string) => {
    const answer = await makeSocketTransport(place.socketPath)(`/terminal/default/messages${query}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, text: 'hello' }),
    });
    await collect(answer.body);
    return answer.status;
  };
  expect(await send('', 'message-1')).toBe(202);
  expect(await send('?chat=work', 'message-1')).toBe(202);
  expect(server.record.received.map(({ chat, sender }) => [chat, sender.id])).toEqual([
    ['local', 'local'],
    ['work', 'local'],
  ]);
  expect(terminalManifest.ownerUser).toBe('local');
  for (const bad of ['?chat=', '?chat=a/b', '?chat=../x', `?chat=${'x'.repeat(65)}`])
    expect(await send(bad, 'message-2')).toBe(400);
});

it('keeps the chats apart', async () => {
  const one = openSocketWatcher(place.socketPath, '/terminal/default/');
  one.client.start();
  await one.until(() => one.online > 0);
  const work = openSocketWatcher(place.socketPath, '/terminal/default/');
  await makeSocketTransport(place.socketPath)('/terminal/default/messages?chat=work', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'message-1', text: 'for work' }),
  });
  one.client.say('for home');
  await one.until(() => one.lines.size > 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([...one.lines.values()].map((line) => line.text)).toEqual(['for home']);
  await Promise.all([one.client.close(), work.client.close()]);
});
