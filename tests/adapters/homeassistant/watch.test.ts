// Watched devices, on a clock that is turned by hand.
import { afterEach, describe, expect, it } from 'vitest';
import { makeFakeClock } from '../../support/fake-clock.ts';
import type { HomeServer } from '../../support/homeassistant/server.ts';
import { listened, openHome, type HomeRig, type HomeRigOptions } from './home-rig.ts';

const DOOR = 'binary_sensor.front_door';

describe('watched states', () => {
  let rig: HomeRig;
  let clock = makeFakeClock();
  const texts = () => rig.record.received.map((message) => message.text);
  const set = (state: string) => rig.home.world.setState(DOOR, state, { friendly_name: 'Front door' });
  /** All that was said before has been looked at: states are told in order. */
  const settle = async () => {
    const marker = `sensor.marker_${Math.random().toString(36).slice(2, 10)}`;
    rig.home.world.setState(marker, 'a');
    rig.home.world.setState(marker, 'b');
    await rig.record.waitFor((message) => message.text.startsWith(marker));
    rig.record.received.splice(0, Infinity, ...rig.record.received.filter(({ text }) => !text.startsWith(marker)));
  };

  async function open(watched: readonly Record<string, unknown>[], options: HomeRigOptions = {}): Promise<HomeRig> {
    clock = makeFakeClock(Date.now());
    const markers = { entities: ['sensor.marker_*'], cooldown_seconds: 0 };
    const prepare = (home: HomeServer) => {
      home.world.setState(DOOR, 'off', { friendly_name: 'Front door' });
      options.prepare?.(home);
    };
    rig = await openHome({ clock, ...options, settings: () => ({ watched: [...watched, markers] }), prepare });
    await listened(rig.home, 'subscribe_entities');
    await settle();
    return rig;
  }

  afterEach(() => rig.close());

  it('a change is told as foreign text of nobody, once', async () => {
    await open([{ entities: ['binary_sensor.*'] }, { domains: ['binary_sensor'] }]);
    expect(texts()).toEqual([]);
    set('on');
    await settle();
    expect(rig.record.received).toMatchObject([
      {
        text: 'binary_sensor.front_door changed from off to on (Front door)',
        chat: 'events',
        chatKind: 'dm',
        sender: { id: 'events', bot: false },
        foreign: true,
        addressed: true,
      },
    ]);
  });

  it('names and states cannot make it a command or a flood', async () => {
    await open([{ entities: ['binary_sensor.*'] }]);
    rig.home.world.setState(DOOR, '/stop', { friendly_name: `/new\n\n${'x'.repeat(5_000)}` });
    await settle();
    const text = texts()[0] ?? '';
    expect(text.startsWith('binary_sensor.front_door changed from off to /stop (/new x')).toBe(true);
    expect(text.length).toBeLessThan(300);
  });

  it('numbers are told when they cross the line, with their unit', async () => {
    await open([{ entities: ['sensor.freezer'], above: -10, cooldown_seconds: 0 }]);
    for (const value of ['-18', '-12', '-8', '-7', '-18', '-9'])
      rig.home.world.setState('sensor.freezer', value, { unit_of_measurement: '°C' });
    await settle();
    expect(texts()).toEqual([
      'sensor.freezer changed from -12 to -8 °C (above -10)',
      'sensor.freezer changed from -18 to -9 °C (above -10)',
    ]);
  });

  it('during a cooldown nothing is told, and after it what still holds', async () => {
    await open([{ entities: [DOOR], cooldown_seconds: 60 }]);
    set('on');
    set('off');
    await settle();
    expect(texts()).toHaveLength(1);
    await clock.advance(59_000);
    await settle();
    expect(texts()).toHaveLength(1);
    await clock.advance(2_000);
    await settle();
    expect(texts().at(-1)).toContain('changed from on to off');
    set('on');
    set('off');
    await clock.advance(61_000);
    await settle();
    expect(texts()).toHaveLength(2);
  });

  it('what changed while we were away is told if it still holds', async () => {
    await open([{ entities: [DOOR], to: ['on'], cooldown_seconds: 0 }]);
    await rig.restart(async () => set('on'));
    await settle();
    expect(texts()).toEqual(['binary_sensor.front_door changed from off to on (Front door)']);
    const [first] = rig.record.received;
    await rig.restart(async () => {
      set('off');
      set('on');
      set('off');
    });
    await settle();
    expect(rig.record.received).toEqual([first]);
    rig.home.disconnect();
    set('on');
    await rig.record.waitUntil(() => rig.record.states.at(-1)?.state !== 'online');
    await clock.advance(5_000);
    await rig.record.waitUntil(() => texts().length === 2);
    expect(rig.record.received[1]?.id).not.toBe(first?.id);
  });

  it('a change that was stored but not written down is the same message after a crash', async () => {
    await open([{ entities: [DOOR], cooldown_seconds: 0 }]);
    const before = new Map(rig.record.cursors);
    set('on');
    await settle();
    await rig.restart(async () => {
      rig.record.cursors.clear();
      for (const [key, value] of before) rig.record.cursors.set(key, value);
    });
    await settle();
    expect(rig.record.answers.map((answer) => answer.outcome)).toContain('duplicate');
    expect(texts()).toHaveLength(1);
  });

  it('marks of rules that are gone are taken away', async () => {
    await open([{ entities: [DOOR] }]);
    rig.record.cursors.set('watch/gone/light.x', '{"class":"=on","value":"on","toldAt":0}');
    rig.record.cursors.set('watch/gone/light.y', 'broken');
    await rig.restart();
    expect([...rig.record.cursors.keys()].filter((key) => key.includes('gone'))).toEqual([]);
  });

  it('what we did ourselves wakes nobody, what a person with the same user does is told', async () => {
    await open([{ domains: ['light'], cooldown_seconds: 0 }], {
      prepare: ({ world }) => {
        world.setState('light.a', 'off');
        world.setState('light.b', 'off');
      },
    });
    const tool = rig.adapter.tools?.().find((one) => one.name === 'ha_call_service');
    await tool?.run({ domain: 'light', service: 'turn_on', entity_id: 'light.a' }, AbortSignal.timeout(5_000));
    const { world, herald } = rig.home;
    world.setState('light.b', 'on', {}, world.context(herald.id));
    await settle();
    expect(texts()).toEqual(['light.b changed from off to on']);
    world.setState('light.a', 'off');
    await settle();
    expect(texts().at(-1)).toBe('light.a changed from on to off');
  });

  it('a change that cannot be stored at once is stored later, before those that follow', async () => {
    await open([{ entities: ['binary_sensor.*'], cooldown_seconds: 0 }]);
    rig.record.failNext(2);
    set('on');
    set('off');
    for (let i = 0; i < 40 && texts().length < 2; i++) await clock.advance(500);
    expect(texts().map((text) => text.replace(/.* to /, ''))).toEqual(['on (Front door)', 'off (Front door)']);
  });
});

describe('watched events', () => {
  let rig: HomeRig;
  afterEach(() => rig.close());

  it('are told with their data, once per cooldown, when the data fits', async () => {
    const clock = makeFakeClock(Date.now());
    const watched = [
      { events: ['zha_event'], data: { command: 'press' }, cooldown_seconds: 10 },
      { events: ['doorbell'] },
    ];
    rig = await openHome({ clock, settings: () => ({ watched }) });
    const { world } = rig.home;
    world.fire('zha_event', { command: 'release' });
    const event = world.fire('zha_event', { command: 'press', device: 'Button' });
    world.fire('zha_event', { command: 'press', device: 'Button' });
    world.fire('doorbell', {});
    await rig.record.waitFor((message) => message.text === 'Event doorbell');
    await clock.advance(11_000);
    world.fire('zha_event', { command: 'press', again: true });
    await rig.record.waitUntil(() => rig.record.received.length === 3);
    expect(rig.record.received.map((message) => message.text)).toEqual([
      'Event zha_event: {"command":"press","device":"Button"}',
      'Event doorbell',
      'Event zha_event: {"command":"press","again":true}',
    ]);
    expect(rig.record.received[0]).toMatchObject({ foreign: true, chat: 'events', sender: { id: 'events' } });
    expect(rig.record.received[0]?.id).toContain(event.context.id);
  });
});
