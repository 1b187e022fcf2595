// The connection: kept for ever, noticed when it is dead, and gentle to a server that bans after wrong logins.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { makeHomeAssistantAdapter } from '../../../adapters/homeassistant/adapter.ts';
import { homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { waitFor } from '../../support/gateway-process.ts';
import { startHomeServer } from '../../support/homeassistant/server.ts';
import { openHome, say, type HomeRig } from './home-rig.ts';

describe('the connection', () => {
  let rig: HomeRig | undefined;
  afterEach(async () => {
    await rig?.close();
    rig = undefined;
  });

  it('is made anew when Home Assistant does not answer any more, though it is open', async () => {
    const clock = makeFakeClock(Date.now());
    rig = await openHome({ clock });
    const { home, record, ada } = rig;
    home.fail((command) => command.type === 'ping', { kind: 'silence' });
    const pings = () => home.commands.filter((command) => command.type === 'ping').length;
    await clock.advance(30_000);
    await waitFor('a ping', () => pings() === 1);
    await clock.advance(10_000);
    await waitFor('the end', () => record.states.at(-1)?.state === 'offline');
    await clock.advance(2_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    await say(home, ada, 'there again');
    await record.waitFor((message) => message.text === 'there again');
  });

  it('says that it is alive at each answer', async () => {
    const clock = makeFakeClock(Date.now());
    rig = await openHome({ clock });
    const { record } = rig;
    const before = record.states.length;
    await clock.advance(30_000);
    await record.waitUntil(() => record.states.length > before);
    expect(record.states.at(-1)?.state).toBe('online');
  });

  it('is offline, and nothing worse, when something else answers', async () => {
    const server = createServer((socket) => socket.on('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nhello')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const record = makeRecordingHost();
    const adapter = makeAdapter(`http://127.0.0.1:${port}`, 'a-token-long-enough');
    await adapter.start(record.host);
    expect(record.states.at(-1)?.state).toBe('offline');
    await adapter.stop();
    await record.close();
    server.close();
  });

  it('with a refused token asks for a new one, and tries again only after minutes', async () => {
    const home = await startHomeServer();
    const clock = makeFakeClock(Date.now());
    const record = makeRecordingHost();
    const adapter = makeAdapter(home.url, 'this-token-was-revoked', clock);
    await adapter.start(record.host);
    expect(record.states.at(-1)).toMatchObject({ state: 'needs-login', detail: expect.stringContaining('HASS_TOKEN') });
    await clock.advance(3 * 60_000);
    expect(home.wrongLogins()).toBe(1);
    home.world.tokens.set('this-token-was-revoked', home.herald.id);
    await clock.advance(3 * 60_000);
    await record.waitUntil(() => record.states.at(-1)?.state === 'online');
    await adapter.stop();
    await record.close();
    await home.close();
  });

  it('can be stopped while it is being made, and takes no second start', async () => {
    const server = createServer(() => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const record = makeRecordingHost();
    const adapter = makeAdapter(`http://127.0.0.1:${port}`, 'a-token-long-enough');
    const started = adapter.start(record.host);
    await expect(adapter.start(record.host)).rejects.toMatchObject({ code: 'internal' });
    await adapter.stop();
    await started;
    await record.close();
    server.close();
  });
});

function makeAdapter(url: string, token: string, clock = makeFakeClock(Date.now())) {
  const settings = homeAssistantSettings.parse({ url, token });
  return makeHomeAssistantAdapter({ platform: 'homeassistant', account: accountId('default'), settings, fetch }, clock);
}
