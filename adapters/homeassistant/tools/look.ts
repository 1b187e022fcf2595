// ha_list_entities, ha_get_state and ha_list_services: looking, which changes nothing.
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { preview } from '../../../shared/text.ts';
import type { PlatformTool } from '../../contract.ts';
import { decideService, isEntityId } from './access.ts';
import { listServices, listStates, readAreas, type HomeService } from './registry.ts';
import { boundJson, boundLines, describeState } from './text.ts';
import { defineHomeTool, type ToolDeps } from './tool.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 500;
const MAX_ATTRIBUTE_CHARS = 6_000;
const MAX_DESCRIPTION_CHARS = 160;

const listParameters = z.strictObject({
  domain: z.string().max(64).optional().describe('Only this domain, such as light, sensor or lock.'),
  area: z.string().max(100).optional().describe('Only this area (room), by name or id.'),
  name: z.string().max(100).optional().describe('Only entities whose name or id holds this.'),
  limit: z.int().min(1).max(MAX_LIMIT).optional().describe(`At most this many. Default ${DEFAULT_LIMIT}.`),
});

export function makeListEntities(deps: ToolDeps): PlatformTool {
  return defineHomeTool(deps, {
    name: 'ha_list_entities',
    description:
      'Lists entities of the smart home (Home Assistant) with their states, by domain, area and name. Use it to find entity ids.',
    parameters: listParameters,
    effect: 'pure',
    summarize: ({ domain, area, name }) =>
      `looking at the home: ${[domain, area, name].filter(Boolean).join(', ') || 'all entities'}`,
    async run({ domain, area, name, limit = DEFAULT_LIMIT }, link, signal) {
      const areas = area === undefined ? undefined : await readAreas(link, signal);
      const room = area === undefined ? undefined : areas?.find(area);
      if (area !== undefined && !room)
        throw new AppError(
          'not_found',
          `There is no area “${area}”. Areas: ${areas?.all.map((one) => one.name).join(', ') || 'none'}.`,
        );
      const wanted = name?.toLowerCase();
      const found = (await listStates(link, signal))
        .filter(
          (state) =>
            (domain === undefined || state.entity_id.startsWith(`${domain}.`)) &&
            (!room || areas?.of(state.entity_id)?.id === room.id) &&
            (wanted === undefined || describeState(state).toLowerCase().includes(wanted)),
        )
        .sort((a, b) => (a.entity_id < b.entity_id ? -1 : 1));
      if (found.length === 0) return 'No entity fits.';
      const more =
        found.length > limit ? [`(${found.length - limit} more; narrow it down by domain, area or name)`] : [];
      return boundLines([...found.slice(0, limit).map(describeState), ...more]);
    },
  });
}

export function makeGetState(deps: ToolDeps): PlatformTool {
  return defineHomeTool(deps, {
    name: 'ha_get_state',
    description: 'Tells the state of one entity of the smart home (Home Assistant), with all attributes.',
    parameters: z.strictObject({ entity_id: z.string().max(255).describe('Such as light.kitchen.') }),
    effect: 'pure',
    summarize: ({ entity_id: entity }) => `looking at ${preview(entity, 60)}`,
    async run({ entity_id: entity }, link, signal) {
      if (!isEntityId(entity)) throw new AppError('bad_input', 'That is no entity id; one looks like light.kitchen.');
      const all = await listStates(link, signal);
      const state = all.find((one) => one.entity_id === entity);
      if (!state)
        throw new AppError(
          'not_found',
          `There is no entity ${entity}.${suggest(
            entity,
            all.map((one) => one.entity_id),
          )}`,
        );
      const since = state.last_changed ? `\nSince ${state.last_changed.slice(0, 40)}` : '';
      return `${describeState(state)}${since}\nAttributes: ${boundJson(state.attributes, MAX_ATTRIBUTE_CHARS)}`;
    },
  });
}

/** Ids of the same domain that share a word. */
function suggest(entity: string, all: readonly string[]): string {
  const [domain = '', id = ''] = entity.split('.');
  const words = id.split('_').filter((word) => word.length > 2);
  const near = all
    .filter((one) => one.startsWith(`${domain}.`) && words.some((word) => one.includes(word)))
    .slice(0, 5);
  return near.length > 0 ? ` Did you mean ${near.join(', ')}?` : ' See ha_list_entities.';
}

export function makeListServices(deps: ToolDeps): PlatformTool {
  return defineHomeTool(deps, {
    name: 'ha_list_services',
    description:
      'Lists what can be called in the smart home (Home Assistant): without a domain the domains, with one its services and their fields.',
    parameters: z.strictObject({ domain: z.string().max(64).optional().describe('Such as light.') }),
    effect: 'pure',
    summarize: ({ domain }) => `looking up services${domain ? ` of ${preview(domain, 60)}` : ''}`,
    async run({ domain }, link, signal) {
      const all = await listServices(link, signal);
      const may = (of: string, service: string) => decideService(deps.settings, of, service).allowed;
      if (domain === undefined) {
        const open = Object.keys(all).filter((of) => Object.keys(all[of] ?? {}).some((service) => may(of, service)));
        return boundLines([`Domains with services: ${open.sort().join(', ')}`, 'Others are blocked for the agent.']);
      }
      const services = Object.hasOwn(all, domain) ? all[domain] : undefined;
      if (!services)
        throw new AppError(
          'not_found',
          `There is no domain “${preview(domain, 64)}”. Call this without a domain for the list.`,
        );
      return boundLines(
        Object.entries(services).flatMap(([name, service]) =>
          may(domain, name) ? describeService(domain, name, service) : [`${domain}.${name}: blocked for the agent`],
        ),
      );
    },
  });
}

const fieldSchema = z.looseObject({ description: z.string().optional(), required: z.boolean().optional() });

function describeService(domain: string, name: string, { description, fields, response }: HomeService): string[] {
  const answers = response ? ' Answers with data.' : '';
  return [
    `${domain}.${name}: ${preview(description ?? '', MAX_DESCRIPTION_CHARS)}${answers}`,
    ...Object.entries(fields).map(([field, raw]) => {
      const parsed = fieldSchema.safeParse(raw);
      const { description: what = '', required = false } = parsed.success ? parsed.data : {};
      return `  ${field}${required ? ' (required)' : ''}: ${preview(what, MAX_DESCRIPTION_CHARS)}`;
    }),
  ];
}
