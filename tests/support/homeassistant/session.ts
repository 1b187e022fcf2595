// One WebSocket connection, with the rules of Home Assistant's: log in first, ids that rise, one answer per command.
import type { WebSocket } from 'ws';
import { compressState, diffStates } from './compressed.ts';
import { CommandFailure, isRecord, type User, type World } from './world.ts';

/** Events of which others than administrators may hear (homeassistant/auth/permissions/events.py, read 2026-11-21), as far as they matter. */
const OPEN_EVENTS = ['state_changed', 'component_loaded', 'service_registered'];

export interface Command {
  id: number;
  type: string;
  [key: string]: unknown;
}

/** What to do with a command instead of, or after, carrying it out. */
export type Fault =
  | { kind: 'error'; code: string; message: string }
  | { kind: 'drop-before' }
  | { kind: 'drop-after' }
  | { kind: 'silence' };

export interface SessionPorts {
  world: World;
  onCommand(command: Command): void;
  onWrongLogin(): void;
  /** Takes the fault that waits for this command, if there is one. */
  takeFault(command: Command): Fault | undefined;
}

export class Session {
  readonly #socket: WebSocket;
  readonly #ports: SessionPorts;
  readonly #subscriptions = new Map<number, { type: string; end: () => void }>();
  #user: User | undefined;
  #lastId = 0;
  #coalesces = false;
  #waiting: unknown[] = [];

  constructor(socket: WebSocket, ports: SessionPorts) {
    this.#socket = socket;
    this.#ports = ports;
    socket.on('message', (data, isBinary) => {
      if (isBinary) return socket.close();
      const parsed = parse(Buffer.isBuffer(data) ? data.toString() : '');
      if (parsed === undefined) return socket.close();
      for (const message of [parsed].flat()) this.#take(message);
    });
    socket.on('close', () => {
      for (const { end } of this.#subscriptions.values()) end();
      this.#subscriptions.clear();
    });
    this.#sendNow({ type: 'auth_required', ha_version: '2026.11.1' });
  }

  /** Types of events, and `subscribe_entities`, to which it listens. */
  subscriptions(): readonly string[] {
    return [...this.#subscriptions.values()].map((one) => one.type);
  }

  sendRaw(text: string): void {
    this.#socket.send(text);
  }

  terminate(): void {
    this.#socket.terminate();
  }

  #take(message: unknown): void {
    if (!this.#user) return this.#logIn(message);
    if (!isRecord(message) || typeof message['type'] !== 'string' || !isPositive(message['id'])) {
      const id = isRecord(message) && isPositive(message['id']) ? message['id'] : 0;
      return this.#fail(id, 'invalid_format', 'Message incorrectly formatted.');
    }
    const command: Command = { ...message, id: message['id'], type: message['type'] };
    if (command.id <= this.#lastId) return this.#fail(command.id, 'id_reuse', 'Identifier values have to increase.');
    this.#lastId = command.id;
    this.#ports.onCommand(command);
    const fault = this.#ports.takeFault(command);
    if (fault?.kind === 'silence') return;
    if (fault?.kind === 'drop-before') return this.terminate();
    if (fault?.kind === 'error') return this.#fail(command.id, fault.code, fault.message);
    try {
      const { answer, after } = this.#carryOut(command, this.#user);
      if (fault?.kind === 'drop-after') return this.terminate();
      this.#send(answer);
      after?.();
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      this.#fail(command.id, error.code, error.message);
    }
  }

  #logIn(message: unknown): void {
    const token = isRecord(message) && message['type'] === 'auth' ? message['access_token'] : undefined;
    const { world } = this.#ports;
    const user = typeof token === 'string' ? world.users.get(world.tokens.get(token) ?? '') : undefined;
    if (!user) {
      this.#ports.onWrongLogin();
      this.#sendNow({ type: 'auth_invalid', message: 'Invalid access token or password' });
      this.#socket.close();
      return;
    }
    this.#user = user;
    this.#sendNow({ type: 'auth_ok', ha_version: '2026.11.1' });
  }

  #carryOut(command: Command, user: User): { answer: unknown; after?: () => void } {
    const { world } = this.#ports;
    const ok = (result: unknown = null) => ({ answer: { id: command.id, type: 'result', success: true, result } });
    switch (command.type) {
      case 'supported_features':
        this.#coalesces = isRecord(command['features']) && Number(command['features']['coalesce_messages'] ?? 0) > 0;
        return ok();
      case 'ping':
        return { answer: { id: command.id, type: 'pong' } };
      case 'auth/current_user':
        return ok({ ...user, credentials: [], mfa_modules: [] });
      case 'get_states':
        return ok([...world.states.values()]);
      case 'get_config':
        return ok({ state: world.runState, location_name: world.locationName, version: '2026.11.1' });
      case 'get_services':
        return ok(world.describeServices());
      case 'config/area_registry/list':
        return ok([...world.areas.values()]);
      case 'config/device_registry/list':
        return ok([...world.areaOf].map(([entity, area]) => ({ id: `device of ${entity}`, area_id: area })));
      case 'config/entity_registry/list':
        return ok(
          [...world.states.keys()].map((id) => ({ entity_id: id, area_id: null, device_id: `device of ${id}` })),
        );
      case 'persistent_notification/get':
        return ok([...world.notifications.values()]);
      case 'subscribe_events':
        this.#subscribeEvents(command, user);
        return ok();
      case 'subscribe_entities':
        return { ...ok(), after: this.#subscribeEntities(command) };
      case 'unsubscribe_events': {
        const found = this.#subscriptions.get(Number(command['subscription']));
        if (!found) throw new CommandFailure('not_found', 'Subscription not found.');
        found.end();
        this.#subscriptions.delete(Number(command['subscription']));
        return ok();
      }
      case 'call_service':
        return ok(this.#callService(command, user));
      case 'fire_event': {
        if (!user.is_admin) throw new CommandFailure('unauthorized', 'Unauthorized');
        const context = world.context(user.id);
        world.fire(String(command['event_type']), isRecord(command['event_data']) ? command['event_data'] : {}, {
          context,
        });
        return ok({ context });
      }
      default:
        throw new CommandFailure('unknown_command', 'Unknown command.');
    }
  }

  #callService(command: Command, user: User): unknown {
    const { world } = this.#ports;
    const { domain, service, service_data: data = {}, target = {}, return_response: wantsResponse = false } = command;
    if (typeof domain !== 'string' || typeof service !== 'string' || !isRecord(data) || !isRecord(target))
      throw new CommandFailure('invalid_format', 'expected domain, service, service_data and target');
    if (JSON.stringify(target).includes('{{'))
      throw new CommandFailure('invalid_format', 'Templates are not supported here');
    const context = world.context(user.id);
    const response = world.call({ domain, service, data, target, context }, wantsResponse === true);
    return { context, ...(wantsResponse === true && { response }) };
  }

  #subscribeEvents({ id, event_type: type = '*' }: Command, user: User): void {
    const wanted = String(type);
    if (!user.is_admin && !OPEN_EVENTS.includes(wanted)) throw new CommandFailure('unauthorized', 'Unauthorized');
    const { listeners } = this.#ports.world;
    const listener = (event: { event_type: string }) => {
      if (wanted === '*' || wanted === event.event_type) this.#send({ id, type: 'event', event });
    };
    listeners.add(listener);
    this.#subscriptions.set(id, { type: wanted, end: () => listeners.delete(listener) });
  }

  #subscribeEntities({ id, entity_ids: only }: Command): () => void {
    const { world } = this.#ports;
    if (only !== undefined && !Array.isArray(only))
      throw new CommandFailure('invalid_format', 'entity_ids must be a list');
    const isWanted = (entity: string) => only === undefined || only.length === 0 || only.includes(entity);
    const listener: Parameters<World['stateListeners']['add']>[0] = (before, after) => {
      const entity = (after ?? before)?.entity_id ?? '';
      if (!isWanted(entity)) return;
      if (!after) return this.#send({ id, type: 'event', event: { r: [entity] } });
      const event = before ? { c: { [entity]: diffStates(before, after) } } : { a: { [entity]: compressState(after) } };
      this.#send({ id, type: 'event', event });
    };
    world.stateListeners.add(listener);
    this.#subscriptions.set(id, { type: 'subscribe_entities', end: () => world.stateListeners.delete(listener) });
    const all = [...world.states.values()].filter((state) => isWanted(state.entity_id));
    const a = Object.fromEntries(all.map((state) => [state.entity_id, compressState(state)]));
    return () => this.#send({ id, type: 'event', event: { a } });
  }

  #fail(id: number, code: string, message: string): void {
    this.#send({ id, type: 'result', success: false, error: { code, message } });
  }

  /** What is sent in one go is one frame, an array, for clients that said that they know it. */
  #send(message: unknown): void {
    if (!this.#coalesces) return this.#sendNow(message);
    this.#waiting.push(message);
    if (this.#waiting.length > 1) return;
    setImmediate(() => {
      const messages = this.#waiting;
      this.#waiting = [];
      this.#sendNow(messages.length === 1 ? messages[0] : messages);
    });
  }

  #sendNow(message: unknown): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message));
  }
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
