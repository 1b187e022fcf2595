// States, areas and services as Home Assistant's commands list them, for the tools.
// https://developers.home-assistant.io/docs/api/websocket, read 2026-11-21; the registries' commands are those of its frontend.
import { z } from 'zod';
import { stateSchema, type EntityState } from '../connection/answers.ts';
import type { Link } from '../connection/link.ts';

export type Caller = Pick<Link, 'call'>;

const states = z.array(stateSchema);
const areas = z.array(
  z.looseObject({ area_id: z.string(), name: z.string(), aliases: z.array(z.string()).default([]) }),
);
const entities = z.array(
  z.looseObject({ entity_id: z.string(), area_id: z.string().nullish(), device_id: z.string().nullish() }),
);
const devices = z.array(z.looseObject({ id: z.string(), area_id: z.string().nullish() }));
const service = z.looseObject({
  name: z.string().optional(),
  description: z.string().optional(),
  fields: z.record(z.string(), z.unknown()).default({}),
  response: z.looseObject({ optional: z.boolean().optional() }).nullish(),
});
const services = z.record(z.string(), z.record(z.string(), service));

export type HomeService = z.output<typeof service>;
export interface Area {
  id: string;
  name: string;
}

export function listStates(link: Caller, signal: AbortSignal): Promise<readonly EntityState[]> {
  return link.call({ type: 'get_states' }, states, signal);
}

export function listServices(
  link: Caller,
  signal: AbortSignal,
): Promise<Readonly<Record<string, Readonly<Record<string, HomeService>>>>> {
  return link.call({ type: 'get_services' }, services, signal);
}

export interface Areas {
  /** By id, name or alias, without regard to case. */
  find(name: string): Area | undefined;
  all: readonly Area[];
  /** Area of an entity: its own, or its device's. */
  of(entity: string): Area | undefined;
}

export async function readAreas(link: Caller, signal: AbortSignal): Promise<Areas> {
  const [areaList, entityList, deviceList] = await Promise.all([
    link.call({ type: 'config/area_registry/list' }, areas, signal),
    link.call({ type: 'config/entity_registry/list' }, entities, signal),
    link.call({ type: 'config/device_registry/list' }, devices, signal),
  ]);
  const byId = new Map(areaList.map((area) => [area.area_id, { id: area.area_id, name: area.name }]));
  const ofDevice = new Map(deviceList.map((device) => [device.id, device.area_id ?? undefined]));
  const ofEntity = new Map(
    entityList.map((entity) => [entity.entity_id, entity.area_id ?? ofDevice.get(entity.device_id ?? '')]),
  );
  return {
    all: [...byId.values()],
    find(name) {
      const wanted = name.trim().toLowerCase();
      const found = areaList.find(
        (area) =>
          area.area_id.toLowerCase() === wanted ||
          area.name.toLowerCase() === wanted ||
          area.aliases.some((alias) => alias.toLowerCase() === wanted),
      );
      return found && byId.get(found.area_id);
    },
    of: (entity) => byId.get(ofEntity.get(entity) ?? ''),
  };
}
