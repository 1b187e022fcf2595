// Home Assistant end to end: the real gateway as a process, a loopback Home Assistant that keeps the real protocol, and a scripted model
// server spoken to as Anthropic's.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { act, actionsOf, listened, pressOf, say } from '../adapters/homeassistant/home-rig.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import { makeHome, startGatewayProcess, waitFor, type GatewayProcess } from '../support/gateway-process.ts';
import { startHomeServer, type HomeServer } from '../support/homeassistant/server.ts';
import type { User } from '../support/homeassistant/world.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 60 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);
const LIGHT = { domain: 'light', service: 'turn_on', entity_id: 'light.porch' };

describe('Home Assistant, end to end', () => {
  let model: ModelServer;
  let server: HomeServer;
  let ada: User;
  let home: string;
  let gateway: GatewayProcess;

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await listened(server, 'subscribe_entities');
  };
  const pushes = () => server.world.pushes.map((push) => push.message);
  const count = (part: string) => pushes().filter((text) => text.includes(part)).length;
  const seen = (part: string, timeoutMs = 15_000) =>
    waitFor(`"${part}" on the phone`, () => count(part) > 0, timeoutMs);
  const shown = (part: string) =>
    waitFor(`"${part}" in Home Assistant`, () =>
      [...server.world.notifications.values()].find((one) => one.message.includes(part)),
    );

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        const wantsLight = call.user.includes('porch light') || call.user.includes('binary_sensor.porch_motion');
        if (wantsLight && call.toolResults.length === 0)
          return { toolCalls: [{ name: 'ha_call_service', arguments: LIGHT }] };
        if (wantsLight) return { text: 'The porch: {{tool}}' };
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    server = await startHomeServer();
    const { world } = server;
    ada = world.addUser('Ada');
    world.setState('light.porch', 'off', { friendly_name: 'Porch light' });
    world.setState('binary_sensor.porch_motion', 'off', { friendly_name: 'Porch motion' });
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: {
        homeassistant: {
          url: server.url,
          notify: { [ada.id]: 'notify.mobile_app_ada' },
          watched: [{ entities: ['binary_sensor.porch_*'], to: ['on'], cooldown_seconds: 0 }],
        },
      },
    });
    fs.writeFileSync(path.join(home, '.env'), `HASS_TOKEN=${server.token}\nANTHROPIC_API_KEY=test-key-1234\n`, {
      mode: 0o600,
    });
    await start();
  }, 60_000);

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await server?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it('a user of the home pairs by code and is answered on the phone; a device before that becomes nobody', async () => {
    server.world.setState('binary_sensor.porch_early', 'off');
    server.world.setState('binary_sensor.porch_early', 'on');
    await say(server, ada, 'hi');
    await seen('pairing code is');
    expect(model.calls).toHaveLength(0);
    const code = /code is (\w{8})/.exec(pushes()[0] ?? '')?.[1] ?? '';
    expect(await herald('pairing', 'approve', 'homeassistant', code)).toContain('owner');
    await say(server, ada, 'what is up?', { conversation_id: 'c-1' });
    await seen('Heard: what is up?');
    const answer = await waitFor('the answer as an event', () =>
      server.world.events.find(
        (event) => event.event_type === 'herald_answer' && String(event.data['text']).includes('what is up'),
      ),
    );
    expect(answer.data).toMatchObject({ user_id: ada.id, conversation_id: 'c-1' });
  });

  it('the owner’s word switches a light at once', async () => {
    await say(server, ada, 'please switch on the porch light');
    await seen('light.turn_on was called');
    expect(server.world.states.get('light.porch')?.state).toBe('on');
  });

  it('a watched device wakes the agent, but its word alone moves nothing: a person is asked', async () => {
    const { world } = server;
    const before = pushes().length;
    world.setState('light.porch', 'off');
    world.setState('binary_sensor.porch_motion', 'on');
    const asked = await shown('ha_call_service');
    expect(asked.message).toContain('light.porch');
    expect(model.calls.at(-1)?.user).toContain('binary_sensor.porch_motion changed from off to on (Porch motion)');
    expect(world.states.get('light.porch')?.state).toBe('off');
    expect(pushes()).toHaveLength(before);
    await say(server, ada, '/deny');
    await seen('Refused');
    expect(world.states.get('light.porch')?.state).toBe('off');
  });

  it('kill -9 in the middle of an answer: afterwards it is there once', { timeout: 60_000 }, async () => {
    await say(server, ada, 'tell me a story');
    await waitFor('the model to be asked', () => model.calls.at(-1)?.user.includes('story'));
    await gateway.kill('SIGKILL');
    await start();
    await seen('number 60', 30_000);
    expect(count('number 60')).toBe(1);
  });

  it('a reply typed on the notification is a message', async () => {
    const reply = actionsOf(server.world.pushes.at(-1)?.data ?? {}).find((action) => pressOf(action) === undefined);
    act(server, ada, { action: reply?.action, reply_text: 'well told' });
    await seen('well told');
  });

  it('what happened while the gateway was down is told if it still holds', { timeout: 60_000 }, async () => {
    const { world } = server;
    const isTold = () => [...world.notifications.values()].filter((one) => one.message.includes('gate changed')).length;
    world.setState('binary_sensor.porch_gate', 'off');
    world.setState('binary_sensor.porch_gate', 'on');
    await waitFor('the gate', () => isTold() === 1);
    world.setState('binary_sensor.porch_gate', 'off');
    await say(server, ada, 'the gate is closed');
    await seen('Heard: the gate is closed');
    await gateway.kill('SIGTERM');
    world.setState('binary_sensor.porch_gate', 'on');
    await start();
    await waitFor('the gate again', () => isTold() === 2);
    await gateway.kill('SIGKILL');
    await start();
    await say(server, ada, 'and now?');
    await seen('Heard: and now?');
    expect(isTold()).toBe(2);
  });

  it('neither log nor output ever held the token', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    expect(log).not.toContain(server.token);
    expect(gateway.output()).not.toContain(server.token);
  });
});
