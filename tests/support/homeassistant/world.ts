// A home: states, users, services and the event bus, as Home Assistant's core has them. Written after its developer documentation
// (https://developers.home-assistant.io/docs/api/websocket) and the source of its websocket_api, persistent_notification, notify and
// mobile_app components, read 2026-11-21.
import { randomBytes } from 'node:crypto';

export interface Context {
  id: string;
  parent_id: string | null;
  user_id: string | null;
}

export interface State {
  entity_id: string;
  state: string;
  attributes: Record<string, unknown>;
  context: Context;
  last_changed: string;
  last_updated: string;
}

export interface BusEvent {
  event_type: string;
  data: Record<string, unknown>;
  origin: 'LOCAL' | 'REMOTE';
  time_fired: string;
  context: Context;
}

export interface User {
  id: string;
  name: string;
  is_admin: boolean;
  is_owner: boolean;
}

/** A command that is answered with an error. */
export class CommandFailure extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ServiceCall {
  domain: string;
  service: string;
  data: Record<string, unknown>;
  target: { entity_id?: string | string[]; area_id?: string | string[] };
  context: Context;
}

export interface Notification {
  notification_id: string;
  title: string | null;
  message: string;
  created_at: string;
}

/** What a phone shows; a tag replaces. */
export interface Push {
  service: string;
  title: string | undefined;
  message: string;
  data: Record<string, unknown>;
}

interface ServiceDescription {
  description: string;
  fields: Record<string, { description: string; required?: boolean }>;
  response?: { optional: boolean };
}

export const hexId = () => randomBytes(16).toString('hex');

/** Notify actions render their texts; nobody wants to see this one. */
export const RENDERED = 'A TEMPLATE WAS RENDERED';

const field = (description: string, required = false) => ({ description, ...(required && { required }) });

const SERVICES: Record<string, Record<string, ServiceDescription>> = {
  light: {
    turn_on: {
      description: 'Turns on one or more lights.',
      fields: { brightness_pct: field('Brightness in percent.') },
    },
    turn_off: { description: 'Turns off one or more lights.', fields: {} },
  },
  lock: { lock: { description: 'Locks a lock.', fields: {} } },
  script: {
    tell_herald: { description: 'Sends a message to Herald.', fields: { text: field('The message.', true) } },
  },
  weather: {
    get_forecasts: {
      description: 'Retrieves the forecast.',
      fields: { type: field('daily or hourly.', true) },
      response: { optional: false },
    },
  },
  shell_command: { wipe: { description: 'Wipes it all.', fields: {} } },
  homeassistant: {
    restart: { description: 'Restarts Home Assistant.', fields: {} },
    update_entity: { description: 'Polls an entity.', fields: {} },
  },
  persistent_notification: {
    create: { description: 'Shows a notification.', fields: { message: field('The text.', true) } },
    dismiss: { description: 'Removes one.', fields: {} },
  },
  notify: {
    mobile_app_ada: { description: 'Sends to the phone of Ada.', fields: { message: field('The text.', true) } },
    mobile_app_tablet: { description: 'Sends to the tablet.', fields: { message: field('The text.', true) } },
    family: { description: 'Sends to the family.', fields: { message: field('The text.', true) } },
  },
};

export class World {
  readonly users = new Map<string, User>();
  readonly tokens = new Map<string, string>();
  readonly states = new Map<string, State>();
  readonly notifications = new Map<string, Notification>();
  readonly pushes: Push[] = [];
  /** Calls of services that were carried out. */
  readonly calls: ServiceCall[] = [];
  readonly events: BusEvent[] = [];
  readonly listeners = new Set<(event: BusEvent) => void>();
  readonly stateListeners = new Set<(before: State | undefined, after: State | undefined) => void>();
  readonly areas = new Map<string, { area_id: string; name: string; aliases: string[] }>();
  readonly areaOf = new Map<string, string>();
  runState = 'RUNNING';
  locationName = 'Test Home';
  #now = Date.now();

  addUser(name: string, options: { admin?: boolean } = {}): User {
    const user = { id: hexId(), name, is_admin: options.admin ?? false, is_owner: false };
    this.users.set(user.id, user);
    this.setState(`person.${name.toLowerCase()}`, 'home', { user_id: user.id, friendly_name: name });
    return user;
  }

  addToken(user: User): string {
    const token = `eyJhbGciOiJIUzI1NiJ9.${randomBytes(24).toString('base64url')}.${randomBytes(24).toString('base64url')}`;
    this.tokens.set(token, user.id);
    return token;
  }

  addArea(name: string, entities: readonly string[]): void {
    const id = name.toLowerCase().replaceAll(' ', '_');
    this.areas.set(id, { area_id: id, name, aliases: [] });
    for (const entity of entities) this.areaOf.set(entity, id);
  }

  /** Each moment is later than the one before. */
  time(): string {
    this.#now = Math.max(this.#now + 1, Date.now());
    return new Date(this.#now).toISOString().replace('Z', '000+00:00');
  }

  context(user: string | null = null, parent: string | null = null): Context {
    return { id: hexId(), parent_id: parent, user_id: user };
  }

  setState(entity: string, state: string, attributes?: Record<string, unknown>, context = this.context()): void {
    const before = this.states.get(entity);
    const now = this.time();
    const next: State = {
      entity_id: entity,
      state,
      attributes: attributes ?? before?.attributes ?? {},
      context,
      last_changed: before?.state === state ? before.last_changed : now,
      last_updated: now,
    };
    if (before?.state === state && JSON.stringify(before.attributes) === JSON.stringify(next.attributes)) return;
    this.states.set(entity, next);
    for (const listener of this.stateListeners) listener(before, next);
  }

  removeState(entity: string): void {
    const before = this.states.get(entity);
    this.states.delete(entity);
    for (const listener of this.stateListeners) listener(before, undefined);
  }

  fire(
    type: string,
    data: Record<string, unknown>,
    options: { context?: Context; origin?: BusEvent['origin'] } = {},
  ): BusEvent {
    const event: BusEvent = {
      event_type: type,
      data,
      origin: options.origin ?? 'LOCAL',
      time_fired: this.time(),
      context: options.context ?? this.context(),
    };
    this.events.push(event);
    for (const listener of this.listeners) listener(event);
    return event;
  }

  describeServices(): typeof SERVICES {
    return SERVICES;
  }

  /** The response, for services that have one. Throws CommandFailure. */
  call(call: ServiceCall, wantsResponse: boolean): unknown {
    const described = SERVICES[call.domain]?.[call.service];
    if (!described) throw new CommandFailure('not_found', `Service ${call.domain}.${call.service} not found.`);
    if (wantsResponse !== Boolean(described.response))
      throw new CommandFailure('service_validation_error', 'Validation error: the response was asked for wrongly.');
    for (const [name, { required }] of Object.entries(described.fields))
      if (required && !(name in call.data))
        throw new CommandFailure('invalid_format', `required key not provided @ data['${name}']`);
    this.calls.push(call);
    return this.#carryOut(call);
  }

  #carryOut({ domain, service, data, target, context }: ServiceCall): unknown {
    switch (domain) {
      case 'light':
        for (const entity of this.#targets(target))
          this.setState(
            entity,
            service === 'turn_on' ? 'on' : 'off',
            { ...this.states.get(entity)?.attributes, ...data },
            context,
          );
        return undefined;
      case 'script':
        // A script runs in the context of its call.
        this.fire('herald_message', { text: String(data['text']) }, { context });
        return undefined;
      case 'weather':
        return { 'weather.home': { forecast: [{ condition: 'sunny', temperature: 21 }] } };
      case 'persistent_notification':
        return this.#notifyOwn(service, data);
      case 'notify':
        return this.#push(service, data);
      default:
        return undefined;
    }
  }

  #targets({ entity_id: entities = [], area_id: areas = [] }: ServiceCall['target']): readonly string[] {
    const inAreas = [...this.areaOf].filter(([, area]) => [areas].flat().includes(area)).map(([entity]) => entity);
    return [...[entities].flat(), ...inAreas.filter((entity) => entity.startsWith('light.'))];
  }

  #notifyOwn(service: string, data: Record<string, unknown>): undefined {
    const given = data['notification_id'];
    const id = typeof given === 'string' ? given : hexId();
    if (service === 'dismiss') {
      this.notifications.delete(id);
      return undefined;
    }
    const title = data['title'] === undefined ? null : render(data['title']);
    const known = this.notifications.get(id);
    const created = known?.created_at ?? this.time();
    this.notifications.set(id, { notification_id: id, title, message: render(data['message']), created_at: created });
    return undefined;
  }

  #push(service: string, data: Record<string, unknown>): undefined {
    const extra = isRecord(data['data']) ? data['data'] : {};
    const title = data['title'] === undefined ? undefined : render(data['title']);
    const push = { service, title, message: render(data['message']), data: extra };
    const tag = extra['tag'];
    const at =
      tag === undefined ? -1 : this.pushes.findIndex((one) => one.service === service && one.data['tag'] === tag);
    if (at < 0) this.pushes.push(push);
    else this.pushes[at] = push;
    return undefined;
  }
}

function render(text: unknown): string {
  return /\{[{%#]/.test(String(text)) ? RENDERED : String(text);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
