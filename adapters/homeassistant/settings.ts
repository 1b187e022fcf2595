// Settings of `platforms.homeassistant` in config.yaml.
import { z } from 'zod';

/** Ids of users, which Home Assistant makes with uuid4().hex (homeassistant/auth/models.py, read 2026-11-21). */
export const USER_ID = /^[0-9a-f]{32}$/;
/** Names of domains and services: lower case, as `cv.slug` has them. */
const SLUG = '[a-z0-9_]{1,64}';
export const ENTITY_ID = /^[a-z_][a-z0-9_]{0,63}\.[a-z0-9_]{1,190}$/;

/**
 * What the agent may not call, though the token could. Each runs code on the machine, reaches beyond the home, or cannot be undone:
 * shell_command, command_line, python_script, pyscript run code · hassio, backup, update, homeassistant.restart/stop/set_location and
 * profiler act on the system itself · rest_command and downloader send or fetch whatever they are told · mqtt.publish goes around
 * entities · recorder deletes history · cloud opens the home to the internet · conversation would reach all of these by words.
 */
export const DEFAULT_BLOCKED: readonly string[] = [
  'shell_command',
  'command_line',
  'python_script',
  'pyscript',
  'hassio',
  'backup',
  'update',
  'rest_command',
  'downloader',
  'recorder',
  'cloud',
  'conversation',
  'profiler',
  'mqtt.publish',
  'homeassistant.restart',
  'homeassistant.stop',
  'homeassistant.set_location',
  'homeassistant.reload_all',
];

const DEFAULT_COOLDOWN_SECONDS = 30;
const DAY_SECONDS = 86_400;

const glob = z
  .string()
  .trim()
  .max(256)
  .regex(/^[a-z0-9_*]+\.[a-z0-9_*]+$/, 'must be an entity id, with * for any characters, such as binary_sensor.*_door');
const domain = z.string().regex(new RegExp(`^${SLUG}$`), 'must be a domain such as light');
const value = z.string().max(255);

const watchedSchema = z
  .strictObject({
    entities: z.array(glob).max(200).default([]).describe('Entity ids; * stands for any characters.'),
    domains: z.array(domain).max(50).default([]).describe('Domains, such as lock.'),
    events: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z0-9_.]{1,64}$/, 'must be the type of an event')
          .refine((type) => type !== 'state_changed', 'watch states with entities or domains')
          .refine((type) => !type.startsWith('herald_'), 'is ours'),
      )
      .max(50)
      .default([])
      .describe('Types of events, such as zha_event.'),
    attribute: z.string().min(1).max(64).optional().describe('Looks at this attribute instead of the state.'),
    from: z.array(value).min(1).max(50).optional().describe('Values before the change.'),
    to: z.array(value).min(1).max(50).optional().describe('Values after the change.'),
    above: z.number().optional().describe('Tells when the number rises above this.'),
    below: z.number().optional().describe('Tells when the number falls below this.'),
    data: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .optional()
      .describe('Fields that the data of the event must have.'),
    cooldown_seconds: z
      .number()
      .min(0)
      .max(DAY_SECONDS)
      .default(DEFAULT_COOLDOWN_SECONDS)
      .describe(`Shortest time between two messages of one entity. Default ${DEFAULT_COOLDOWN_SECONDS}.`),
  })
  .superRefine((watched, context) => {
    const hasStates = watched.entities.length + watched.domains.length > 0;
    const isNumeric = watched.above !== undefined || watched.below !== undefined;
    const isAboutValues = isNumeric || Boolean(watched.from ?? watched.to ?? watched.attribute);
    const complain = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (!hasStates && watched.events.length === 0) complain('entities', 'name entities, domains or events to watch');
    if (hasStates && watched.events.length > 0) complain('events', 'watch events and states in entries of their own');
    if (isAboutValues && !hasStates) complain('events', 'from, to, above, below and attribute are for states');
    if (watched.data && watched.events.length === 0) complain('data', 'is for events');
    if (isNumeric && (watched.from ?? watched.to)) complain('above', 'use either numbers or from and to');
  });

export type Watched = z.output<typeof watchedSchema>;

const notifyService = z
  .string()
  .regex(new RegExp(`^notify\\.${SLUG}$`), 'must be a notify action, such as notify.mobile_app_phone')
  .refine(
    (service) => service !== 'notify.send_message',
    'name the action of one device, such as notify.mobile_app_phone',
  );

const blockable = z
  .string()
  .trim()
  .regex(new RegExp(`^${SLUG}(?:\\.${SLUG})?$`), 'must be a domain, or domain.service');

export const homeAssistantSettings = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .refine((url) => !/[?#]/.test(url), 'must be the plain address, such as http://homeassistant.local:8123')
    .transform((url) => url.replace(/\/+$/, ''))
    .describe('Address of Home Assistant, such as http://homeassistant.local:8123.'),
  token: z
    .string()
    .trim()
    .regex(
      /^[A-Za-z0-9._~+/=-]{16,2048}$/,
      'must be a long-lived access token, as your profile page in Home Assistant made it',
    )
    .describe('Long-lived access token. Environment: HASS_TOKEN.'),
  conversation: z
    .boolean()
    .default(true)
    .describe(
      'Takes messages of people: the event herald_message and answers to notifications. Needs a token of an administrator. Default true.',
    ),
  watched: z
    .array(watchedSchema)
    .max(200)
    .default([])
    .describe('States and events of which the agent is told. Default: none.'),
  notify: z
    .record(
      z.string().regex(/^(?:[0-9a-f]{32}|default|events)$/, 'must be the id of a user, default or events'),
      z.union([notifyService.transform((service) => [service]), z.array(notifyService).min(1).max(10)]),
    )
    .default({})
    .describe(
      "Where answers are shown, by user id, or `default` for everyone else, or `events` for what watched devices led to: one or more notify actions. Default: in Home Assistant's own notifications, which all of its users see.",
    ),
  blocked_domains: z
    .array(blockable)
    .max(500)
    .default([...DEFAULT_BLOCKED])
    .describe(`Domains and services that the agent cannot call; replaces the default: ${DEFAULT_BLOCKED.join(', ')}.`),
  allowed_services: z
    .array(blockable)
    .max(500)
    .optional()
    .describe('When set, the agent can call only these domains and services. Default: all that are not blocked.'),
});

export type HomeAssistantSettings = z.output<typeof homeAssistantSettings>;
