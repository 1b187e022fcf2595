// ha_call_service: doing something in the home.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import type { PlatformTool } from '../../contract.ts';
import { decideData, decideService, isEntityId } from './access.ts';
import { listServices, listStates, readAreas, type Caller } from './registry.ts';
import { boundJson, boundLines, describeState } from './text.ts';
import { defineHomeTool, type ToolDeps } from './tool.ts';

const MAX_TARGETS = 50;
const MAX_RESPONSE_CHARS = 8_000;
/** States that are shown afterwards. */
const MAX_SHOWN = 10;

const parameters = z.strictObject({
  domain: z.string().max(64).describe('Such as light.'),
  service: z.string().max(64).describe('Such as turn_on.'),
  entity_id: z
    .union([z.string().max(255), z.array(z.string().max(255)).min(1).max(MAX_TARGETS)])
    .optional()
    .describe('One entity or several, such as light.kitchen.'),
  area: z.string().max(100).optional().describe('All fitting entities of this area (room), by name or id.'),
  data: z
    .record(z.string().max(100), z.unknown())
    .optional()
    .describe('Fields of the service (see ha_list_services), such as {"brightness_pct": 50}.'),
});

/** `once`: what a service does cannot be known from its name (a toggle, a garage door, a message), so it is never repeated by itself. */
export function makeCallService(deps: ToolDeps): PlatformTool {
  return defineHomeTool(deps, {
    name: 'ha_call_service',
    description:
      'Calls a service of the smart home (Home Assistant): switches lights, sets temperatures, runs scenes and scripts. Look up entity ids and fields before; do only what was asked for.',
    parameters,
    effect: 'once',
    summarize: ({ domain, service, entity_id: entity, area }) =>
      `calling ${preview(`${domain}.${service}`, 80)}${(entity ?? area) ? ` for ${preview([entity ?? area].flat().join(', '), 80)}` : ''}`,
    async run({ domain, service, entity_id: entity, area, data = {} }, link, signal, calls) {
      expect(decideService(deps.settings, domain, service));
      expect(decideData(data));
      const targeted = Object.keys(data).find((key) => TARGETS.includes(key));
      if (targeted)
        throw new AppError('bad_input', `Name targets with entity_id or area, not with ${targeted} in data.`);
      const entities = entity === undefined ? [] : [entity].flat();
      const wrong = entities.find((one) => !isEntityId(one));
      if (wrong !== undefined)
        throw new AppError('bad_input', `“${preview(wrong, 60)}” is no entity id; one looks like light.kitchen.`);
      const areaId = area === undefined ? undefined : await findArea(link, area, signal);
      const wantsResponse = await answersWithData(link, { domain, service }, signal);
      const target = {
        ...(entities.length > 0 && { entity_id: entities }),
        ...(areaId !== undefined && { area_id: [areaId] }),
      };
      const call = { domain, service, data, wantsResponse, ...(Object.keys(target).length > 0 && { target }) };
      const response = await calls.service(call, signal);
      const answer = wantsResponse ? [`Response: ${boundJson(response, MAX_RESPONSE_CHARS)}`] : [];
      return boundLines([
        `${domain}.${service} was called.`,
        ...answer,
        ...(await describeAfter(link, entities, signal)),
      ]);
    },
  });
}

const TARGETS: readonly string[] = ['entity_id', 'area_id', 'device_id', 'floor_id', 'label_id'];

function expect(access: { allowed: true } | { allowed: false; reason: string }): void {
  if (!access.allowed) throw new AppError('not_allowed', access.reason);
}

async function findArea(link: Caller, name: string, signal: AbortSignal): Promise<string> {
  const areas = await readAreas(link, signal);
  const found = areas.find(name);
  if (found) return found.id;
  throw new AppError(
    'not_found',
    `There is no area “${preview(name, 60)}”. Areas: ${areas.all.map((area) => area.name).join(', ') || 'none'}.`,
  );
}

/** Some services must be asked for their answer, and others refuse that. */
async function answersWithData(
  link: Caller,
  { domain, service }: { domain: string; service: string },
  signal: AbortSignal,
): Promise<boolean> {
  const all = await listServices(link, signal);
  const known = Object.hasOwn(all, domain) ? all[domain] : undefined;
  const found = known && Object.hasOwn(known, service) ? known[service] : undefined;
  if (found) return Boolean(found.response);
  const names = Object.keys(known ?? {}).slice(0, 30);
  throw new AppError(
    'not_found',
    known
      ? `${domain} has no service ${service}. It has: ${names.join(', ')}.`
      : `There is no domain ${domain}. See ha_list_services.`,
  );
}

/** What the entities say now, so that the model need not ask. It is no part of the call: when it fails, the call was still made. */
async function describeAfter(
  link: Caller,
  entities: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (entities.length === 0) return [];
  try {
    const states = await listStates(link, signal);
    const shown = states.filter((state) => entities.includes(state.entity_id)).slice(0, MAX_SHOWN);
    return ['States just after (devices may take longer):', ...shown.map(describeState)];
  } catch {
    return ['The states could not be read afterwards.'];
  }
}
