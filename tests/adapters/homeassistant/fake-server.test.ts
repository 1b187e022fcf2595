// The loopback server is a Home Assistant as far as the official client can tell, and as strict as the documentation says.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  callService,
  createConnection,
  createLongLivedTokenAuth,
  ERR_CANNOT_CONNECT,
  ERR_INVALID_AUTH,
  getConfig,
  getServices,
  getStates,
  getUser,
  subscribeEntities,
  type Connection,
  type HassEntities,
} from 'home-assistant-js-websocket';
import { startHomeServer, type HomeServer } from '../../support/homeassistant/server.ts';
import { waitFor } from '../../support/gateway-process.ts';

describe('the loopback Home Assistant', () => {
  let home: HomeServer;
  const open: Connection[] = [];

  const connect = async () => {
    const connection = await createConnection({ auth: createLongLivedTokenAuth(home.url, home.token) });
    open.push(connection);
    return connection;
  };

  beforeEach(async () => {
    home = await startHomeServer();
    home.world.setState('light.kitchen', 'off', { friendly_name: 'Kitchen' });
  });

  afterEach(async () => {
    for (const connection of open.splice(0)) connection.close();
    await home.close();
  });

  it('takes the token and nothing else', async () => {
    expect((await connect()).haVersion).toBe('2026.11.1');
    const wrong = createConnection({ auth: createLongLivedTokenAuth(home.url, 'wrong'), setupRetry: 0 });
    await expect(wrong).rejects.toBe(ERR_INVALID_AUTH);
    expect(home.wrongLogins()).toBe(1);
    await home.goAway();
    const away = createConnection({ auth: createLongLivedTokenAuth(home.url, home.token), setupRetry: 0 });
    await expect(away).rejects.toBe(ERR_CANNOT_CONNECT);
  });

  it('answers the client’s questions', async () => {
    const connection = await connect();
    await connection.ping();
    expect(await getUser(connection)).toMatchObject({ id: home.herald.id, is_admin: true });
    expect(await getConfig(connection)).toMatchObject({ state: 'RUNNING' });
    expect((await getServices(connection))['light']?.['turn_on']?.fields).toHaveProperty('brightness_pct');
    expect((await getStates(connection)).map((state) => state.entity_id)).toContain('light.kitchen');
  });

  it('tells states and differences that the client understands, after a reconnect too', async () => {
    const connection = await connect();
    let seen: HassEntities = {};
    subscribeEntities(connection, (entities) => (seen = entities));
    await waitFor('the states', () => seen['light.kitchen']?.state === 'off');
    await callService(connection, 'light', 'turn_on', { brightness_pct: 40 }, { entity_id: 'light.kitchen' });
    await waitFor('the change', () => seen['light.kitchen']?.state === 'on');
    expect(seen['light.kitchen']?.attributes).toMatchObject({ friendly_name: 'Kitchen', brightness_pct: 40 });
    expect(seen['light.kitchen']?.context.user_id).toBe(home.herald.id);
    home.world.setState('light.kitchen', 'on', { friendly_name: 'Kitchen' });
    await waitFor('the attribute to go', () => seen['light.kitchen']?.attributes['brightness_pct'] === undefined);
    expect(seen['light.kitchen']?.context).toMatchObject({ user_id: null });
    home.disconnect();
    home.world.setState('light.kitchen', 'off');
    await waitFor('the state after it', () => seen['light.kitchen']?.state === 'off');
    home.world.removeState('light.kitchen');
    await waitFor('the removal', () => seen['light.kitchen'] === undefined);
  });

  it('delivers events, several in one frame', async () => {
    const connection = await connect();
    const seen: string[] = [];
    const end = await connection.subscribeEvents<{ data: { n: string } }>(
      (event) => seen.push(event.data.n),
      'test_event',
    );
    for (const n of ['1', '2', '3']) home.world.fire('test_event', { n });
    home.world.fire('other_event', { n: 'x' });
    await waitFor('three events', () => seen.length === 3);
    expect(seen).toEqual(['1', '2', '3']);
    await end();
    home.world.fire('test_event', { n: '4' });
    await connection.ping();
    expect(seen).toHaveLength(3);
  });

  it('refuses what Home Assistant refuses', async () => {
    const connection = await connect();
    const call = (domain: string, service: string, data = {}) => callService(connection, domain, service, data);
    await expect(call('light', 'explode')).rejects.toMatchObject({ code: 'not_found' });
    await expect(call('script', 'tell_herald')).rejects.toMatchObject({ code: 'invalid_format' });
    await expect(call('weather', 'get_forecasts', { type: 'daily' })).rejects.toMatchObject({
      code: 'service_validation_error',
    });
    await expect(connection.sendMessagePromise({ type: 'nonsense' })).rejects.toMatchObject({
      code: 'unknown_command',
    });
  });

  it('wants ids that rise, and a login before anything else', async () => {
    const frames = (messages: readonly unknown[]) =>
      new Promise<unknown[]>((resolve) => {
        const socket = new WebSocket(`${home.url.replace('http', 'ws')}/api/websocket`);
        const got: unknown[] = [];
        socket.addEventListener('open', () => messages.forEach((message) => socket.send(JSON.stringify(message))));
        socket.addEventListener('message', (event) => {
          got.push(JSON.parse(String(event.data)));
          if (got.length === messages.length + 1) socket.close();
        });
        socket.addEventListener('close', () => resolve(got));
      });
    const login = { type: 'auth', access_token: home.token };
    const ping = (id: unknown) => ({ id, type: 'ping' });
    expect(await frames([login, ping(5), ping(5), ping(4), ping('x')])).toMatchObject([
      { type: 'auth_required' },
      { type: 'auth_ok' },
      { id: 5, type: 'pong' },
      { success: false, error: { code: 'id_reuse' } },
      { success: false, error: { code: 'id_reuse' } },
      { success: false, error: { code: 'invalid_format' } },
    ]);
    expect(await frames([ping(1)])).toMatchObject([{ type: 'auth_required' }, { type: 'auth_invalid' }]);
  });

  it('tells of events to administrators only', async () => {
    const other = await startHomeServer({ admin: false });
    try {
      const connection = await createConnection({ auth: createLongLivedTokenAuth(other.url, other.token) });
      open.push(connection);
      await expect(connection.subscribeEvents(() => undefined, 'herald_message')).rejects.toMatchObject({
        code: 'unauthorized',
      });
      await connection.subscribeEvents(() => undefined, 'state_changed');
      await expect(
        connection.sendMessagePromise({ type: 'fire_event', event_type: 'x', event_data: {} }),
      ).rejects.toMatchObject({ code: 'unauthorized' });
    } finally {
      await other.close();
    }
  });
});
