// What the agent can look at and do, and what it cannot.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeHomeAssistantAdapter } from '../../../adapters/homeassistant/adapter.ts';
import { homeAssistantSettings } from '../../../adapters/homeassistant/settings.ts';
import { accountId } from '../../../shared/ids.ts';
import { openHome, type HomeRig } from './home-rig.ts';

describe('tools', () => {
  let rig: HomeRig;
  const tool = (name: string) => {
    const found = rig.adapter.tools?.().find((one) => one.name === name);
    if (!found) throw new Error(`no tool ${name}`);
    return found;
  };
  const run = (name: string, args: Record<string, unknown> = {}) => tool(name).run(args, AbortSignal.timeout(5_000));
  const call = (domain: string, service: string, more: Record<string, unknown> = {}) =>
    run('ha_call_service', { domain, service, ...more });
  const done = () =>
    rig.home.world.calls.map(({ domain, service, data, target }) => ({ domain, service, data, target }));

  beforeEach(async () => {
    rig = await openHome({
      settings: () => ({ conversation: false }),
      prepare({ world }) {
        world.setState('light.kitchen', 'off', { friendly_name: 'Kitchen light' });
        world.setState('light.hall', 'on', { friendly_name: 'Hall light' });
        world.setState('sensor.kitchen_temperature', '21.5', { unit_of_measurement: '°C', friendly_name: 'Warmth' });
        world.addArea('Kitchen', ['light.kitchen', 'sensor.kitchen_temperature']);
      },
    });
  });
  afterEach(() => rig.close());

  it('are the same list each time, with object schemas and effects', () => {
    expect(rig.adapter.tools?.()).toBe(rig.adapter.tools?.());
    expect(rig.adapter.tools?.().map(({ name, effect }) => [name, effect])).toEqual([
      ['ha_list_entities', 'pure'],
      ['ha_get_state', 'pure'],
      ['ha_list_services', 'pure'],
      ['ha_call_service', 'once'],
    ]);
    for (const one of rig.adapter.tools?.() ?? [])
      expect(z.toJSONSchema(one.parameters)).toMatchObject({ type: 'object' });
    expect(tool('ha_call_service').summarize({ domain: 'light', service: 'turn_on', entity_id: 'light.x' })).toBe(
      'calling light.turn_on for light.x',
    );
  });

  it('of a second account have names of their own', () => {
    const settings = homeAssistantSettings.parse({ url: rig.home.url, token: rig.home.token });
    const input = { platform: 'homeassistant', account: accountId('summer house'), settings, fetch };
    const names = makeHomeAssistantAdapter(input)
      .tools?.()
      .map((one) => one.name);
    expect(names).toContain('ha_get_state_summer_house');
  });

  it('list entities by domain, area and name', async () => {
    expect(await run('ha_list_entities', { domain: 'light' })).toBe(
      'light.hall: on (Hall light)\nlight.kitchen: off (Kitchen light)',
    );
    expect(await run('ha_list_entities', { area: 'kitchen', name: 'warm' })).toBe(
      'sensor.kitchen_temperature: 21.5 °C (Warmth)',
    );
    expect(await run('ha_list_entities', { domain: 'nothing' })).toBe('No entity fits.');
    await expect(run('ha_list_entities', { area: 'Attic' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('Kitchen'),
    });
  });

  it('are bounded, however large the home', async () => {
    const { world } = rig.home;
    for (let i = 0; i < 700; i++)
      world.setState(`sensor.n${i}`, 'x'.repeat(255), { friendly_name: 'y'.repeat(300), blob: 'z'.repeat(9_000) });
    expect(await run('ha_list_entities', { domain: 'sensor', limit: 2 })).toContain('(699 more');
    expect((await run('ha_list_entities', { limit: 500 })).length).toBeLessThan(17_000);
    expect((await run('ha_get_state', { entity_id: 'sensor.n1' })).length).toBeLessThan(8_000);
  });

  it('tell one state, and what was meant when there is none', async () => {
    expect(await run('ha_get_state', { entity_id: 'light.kitchen' })).toMatch(
      /^light\.kitchen: off \(Kitchen light\)\nSince .*\nAttributes: \{/s,
    );
    await expect(run('ha_get_state', { entity_id: 'light.kitchen_lamp' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining('light.kitchen?'),
    });
    for (const entity of ['../config', 'light', 'light.x/../y', 'light.{{ x }}', 'LIGHT.x', ''])
      await expect(run('ha_get_state', { entity_id: entity })).rejects.toMatchObject({ code: 'bad_input' });
  });

  it('list services, without those that are blocked', async () => {
    const domains = await run('ha_list_services');
    expect(domains).toContain('light');
    expect(domains).not.toContain('shell_command');
    const light = await run('ha_list_services', { domain: 'light' });
    expect(light).toContain('light.turn_on: Turns on');
    expect(light).toContain('  brightness_pct: Brightness in percent.');
    expect(await run('ha_list_services', { domain: 'homeassistant' })).toContain('homeassistant.restart: blocked');
    for (const domain of ['nothing', '__proto__', 'constructor'])
      await expect(run('ha_list_services', { domain })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('call a service on entities and areas, and tell what came of it', async () => {
    const answer = await call('light', 'turn_on', { entity_id: 'light.kitchen', data: { brightness_pct: 50 } });
    expect(answer).toContain('light.turn_on was called.');
    expect(answer).toContain('light.kitchen: on (Kitchen light)');
    await call('light', 'turn_off', { area: 'KITCHEN' });
    expect(rig.home.world.states.get('light.kitchen')?.state).toBe('off');
    expect(await call('weather', 'get_forecasts', { entity_id: 'weather.home', data: { type: 'daily' } })).toContain(
      'sunny',
    );
    expect(done()).toEqual([
      { domain: 'light', service: 'turn_on', data: { brightness_pct: 50 }, target: { entity_id: ['light.kitchen'] } },
      { domain: 'light', service: 'turn_off', data: {}, target: { area_id: ['kitchen'] } },
      { domain: 'weather', service: 'get_forecasts', data: { type: 'daily' }, target: { entity_id: ['weather.home'] } },
    ]);
  });

  it('refuse what is blocked, odd or unknown before anything is sent', async () => {
    const deep = { a: { a: { a: { a: { a: { a: { a: { a: { a: { a: 1 } } } } } } } } } };
    const refused: readonly [Promise<string>, string][] = [
      [call('shell_command', 'wipe'), 'not_allowed'],
      [call('homeassistant', 'restart'), 'not_allowed'],
      [call('SHELL_COMMAND', 'wipe'), 'not_allowed'],
      [call('light', '../../config'), 'not_allowed'],
      [call('light', 'turn_on', { data: { name: '{{ states("x") }}' } }), 'not_allowed'],
      [call('light', 'turn_on', { data: { list: [{ x: '{% raw %}' }] } }), 'not_allowed'],
      [call('light', 'turn_on', { data: deep }), 'not_allowed'],
      [call('light', 'turn_on', { data: { text: 'x'.repeat(30_000) } }), 'not_allowed'],
      [call('light', 'turn_on', { data: { entity_id: 'lock.front' } }), 'bad_input'],
      [call('light', 'turn_on', { entity_id: ['light.kitchen', 'all'] }), 'bad_input'],
      [call('light', 'turn_on', { area: 'Attic' }), 'not_found'],
      [call('light', 'explode'), 'not_found'],
      [call('nothing', 'at_all'), 'not_found'],
    ];
    for (const [result, code] of refused) await expect(result).rejects.toMatchObject({ name: 'AppError', code });
    expect(done()).toEqual([]);
  });

  it('say whether a failed call was made', async () => {
    const { home } = rig;
    const isCall = (command: { type: string }) => command.type === 'call_service';
    home.fail(isCall, { kind: 'error', code: 'service_validation_error', message: 'brightness is odd' });
    await expect(call('light', 'turn_on')).rejects.toMatchObject({
      code: 'bad_input',
      message: expect.stringContaining('odd'),
    });
    home.fail(isCall, { kind: 'drop-after' });
    await expect(call('light', 'turn_on')).rejects.toMatchObject({
      code: 'platform_unreachable',
      message: expect.stringContaining('may or may not'),
    });
    await home.goAway();
    await rig.record.waitUntil(() => rig.record.states.at(-1)?.state !== 'online');
    await expect(call('light', 'turn_on')).rejects.toMatchObject({
      message: expect.stringContaining('nothing was done'),
    });
    await rig.adapter.stop();
    await expect(run('ha_list_entities')).rejects.toMatchObject({ code: 'platform_unreachable' });
  });
});

describe('allowed_services', () => {
  it('is the end of all others', async () => {
    const rig = await openHome({ settings: () => ({ allowed_services: ['light.turn_on', 'weather'] }) });
    try {
      const tool = rig.adapter.tools?.().find((one) => one.name === 'ha_call_service');
      const call = (domain: string, service: string, data = {}) =>
        tool?.run({ domain, service, data }, AbortSignal.timeout(5_000));
      expect(await call('light', 'turn_on')).toContain('was called');
      expect(await call('weather', 'get_forecasts', { type: 'daily' })).toContain('sunny');
      await expect(call('light', 'turn_off')).rejects.toMatchObject({ code: 'not_allowed' });
    } finally {
      await rig.close();
    }
  });
});
