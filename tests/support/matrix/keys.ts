// Keys of devices as a homeserver holds them (https://spec.matrix.org/v1.16/client-server-api/#end-to-end-encryption): one-time keys are
// given out once, messages to devices are kept until their sync is acknowledged, changes of devices are told to whoever shares a room.
type Content = Record<string, unknown>;

interface Member {
  pos: number;
  type: string;
  state_key?: string;
}

interface SharedRoom {
  events: readonly Member[];
}

/** The world, as far as keys need it. */
interface Surroundings<Room> {
  rooms: ReadonlyMap<string, Room>;
  joined(room: Room): readonly string[];
  membership(room: Room, user: string): string;
  advance(): number;
}

export interface DeviceOf {
  user: string;
  device: string;
}

interface Device {
  keys: Content;
  oneTime: Map<string, unknown>;
  fallback: { id: string; key: unknown; isUsed: boolean } | undefined;
}

interface ToDevice {
  pos: number;
  event: Content;
}

export class Keys<Room extends SharedRoom> {
  readonly #world: Surroundings<Room>;
  readonly devices = new Map<string, Map<string, Device>>();
  readonly #signing = new Map<string, Content>();
  readonly #inboxes = new Map<string, ToDevice[]>();
  /** Where in the stream a user's devices changed last. */
  readonly #changes = new Map<string, number>();
  /** Of one-time keys, that each is given out once. */
  readonly claimed: string[] = [];
  /** Kinds of what was sent to devices. */
  readonly sentTypes: string[] = [];
  /** While true, messages to devices are kept back. */
  isHeld = false;
  readonly #held: (() => void)[] = [];

  constructor(world: Surroundings<Room>) {
    this.#world = world;
  }

  #change(user: string): void {
    this.#changes.set(user, this.#world.advance());
  }

  upload({ user, device }: DeviceOf, body: Content): Content {
    const devices = this.devices.get(user) ?? new Map<string, Device>();
    this.devices.set(user, devices);
    const known = devices.get(device) ?? { keys: {}, oneTime: new Map<string, unknown>(), fallback: undefined };
    devices.set(device, known);
    if (body['device_keys']) {
      known.keys = body['device_keys'] as Content;
      this.#change(user);
    }
    for (const [id, key] of Object.entries((body['one_time_keys'] ?? {}) as Content)) known.oneTime.set(id, key);
    for (const [id, key] of Object.entries((body['fallback_keys'] ?? {}) as Content))
      known.fallback = { id, key, isUsed: false };
    return { one_time_key_counts: { signed_curve25519: known.oneTime.size } };
  }

  query(body: Content): Content {
    const users = Object.keys(body['device_keys'] ?? {});
    const devicesOf = (user: string) =>
      Object.fromEntries([...(this.devices.get(user) ?? [])].map(([id, { keys }]) => [id, keys]));
    const signed = (name: string) =>
      Object.fromEntries(
        users.flatMap((user) => {
          const key = this.#signing.get(user)?.[name];
          return key === undefined ? [] : [[user, key]];
        }),
      );
    return {
      failures: {},
      device_keys: Object.fromEntries(users.map((user) => [user, devicesOf(user)])),
      master_keys: signed('master_key'),
      self_signing_keys: signed('self_signing_key'),
      user_signing_keys: signed('user_signing_key'),
    };
  }

  claim(body: Content): Content {
    const given: Record<string, Content> = {};
    const wanted = body['one_time_keys'] as Record<string, Content>;
    for (const [user, devices] of Object.entries(wanted))
      for (const device of Object.keys(devices)) {
        const key = this.#takeKey(`${user} ${device}`, this.devices.get(user)?.get(device));
        if (key) (given[user] ??= {})[device] = key;
      }
    return { failures: {}, one_time_keys: given };
  }

  #takeKey(name: string, device: Device | undefined): Content | undefined {
    const [first] = device?.oneTime ?? [];
    if (device && first) {
      const [id, key] = first;
      device.oneTime.delete(id);
      this.claimed.push(`${name} ${id}`);
      return { [id]: key };
    }
    if (!device?.fallback) return undefined;
    device.fallback.isUsed = true;
    return { [device.fallback.id]: device.fallback.key };
  }

  /** False: there are some already, and new ones need a password. */
  setSigningKeys(user: string, body: Content): boolean {
    if (this.#signing.has(user)) return false;
    this.#signing.set(user, structuredClone(body));
    this.#change(user);
    return true;
  }

  addSignatures(body: Content): Content {
    for (const [user, signed] of Object.entries(body as Record<string, Record<string, Content>>)) {
      for (const [id, object] of Object.entries(signed)) {
        const device = this.devices.get(user)?.get(id);
        if (device)
          device.keys = { ...device.keys, signatures: merge(device.keys['signatures'], object['signatures']) };
      }
      this.#change(user);
    }
    return { failures: {} };
  }

  isSigned({ user, device }: DeviceOf): boolean {
    const signatures = this.devices.get(user)?.get(device)?.keys['signatures'] as Record<string, Content> | undefined;
    return Object.keys(signatures?.[user] ?? {}).length === 2;
  }

  removeDevice({ user, device }: DeviceOf): void {
    this.devices.get(user)?.delete(device);
    this.#change(user);
  }

  send(sender: string, type: string, body: Content): void {
    this.sentTypes.push(type);
    const deliver = () => {
      for (const [user, devices] of Object.entries(body['messages'] as Record<string, Record<string, Content>>))
        for (const [device, content] of Object.entries(devices)) {
          const targets = device === '*' ? [...(this.devices.get(user)?.keys() ?? [])] : [device];
          for (const target of targets) this.#deliver({ user, device: target }, { type, sender, content });
        }
    };
    if (this.isHeld) this.#held.push(deliver);
    else deliver();
  }

  #deliver({ user, device }: DeviceOf, event: Content): void {
    const key = `${user} ${device}`;
    const inbox = this.#inboxes.get(key) ?? [];
    this.#inboxes.set(key, inbox);
    inbox.push({ pos: this.#world.advance(), event });
  }

  /** What was kept back arrives. */
  release(): void {
    this.isHeld = false;
    for (const deliver of this.#held.splice(0)) deliver();
  }

  newsFor(of: DeviceOf, since: number | undefined): { body: Content; isEmpty: boolean } {
    const key = `${of.user} ${of.device}`;
    const inbox = (this.#inboxes.get(key) ?? []).filter(({ pos }) => pos > (since ?? 0));
    this.#inboxes.set(key, inbox);
    const { changed, left } = this.#listsFor(of.user, since);
    const own = this.devices.get(of.user)?.get(of.device);
    const fallback = own?.fallback && !own.fallback.isUsed ? ['signed_curve25519'] : [];
    return {
      body: {
        to_device: { events: inbox.slice(0, 100).map(({ event }) => event) },
        device_lists: { changed, left },
        device_one_time_keys_count: { signed_curve25519: own?.oneTime.size ?? 0 },
        device_unused_fallback_key_types: fallback,
      },
      isEmpty: inbox.length + changed.length + left.length === 0,
    };
  }

  #listsFor(user: string, since: number | undefined): { changed: string[]; left: string[] } {
    if (since === undefined) return { changed: [], left: [] };
    const rooms = [...this.#world.rooms.values()];
    const shared = new Set(
      rooms.filter((room) => this.#world.joined(room).includes(user)).flatMap((room) => this.#world.joined(room)),
    );
    const moved = rooms
      .filter((room) => this.#world.membership(room, user) === 'join')
      .flatMap((room) => room.events)
      .filter((event) => event.type === 'm.room.member' && event.pos > since)
      .flatMap(({ state_key: user }) => (user?.startsWith('@') ? [user] : []));
    const changed = [...this.#changes].filter(([, pos]) => pos > since).map(([id]) => id);
    return {
      changed: [...new Set([...changed, ...moved])].filter((id) => shared.has(id) || id === user),
      left: moved.filter((id) => !shared.has(id)),
    };
  }
}

/** Signatures of objects by user, then by key. */
function merge(known: unknown, more: unknown): Content {
  const merged = { ...(known as Record<string, Content>) };
  for (const [user, signatures] of Object.entries(more as Record<string, Content>))
    merged[user] = { ...merged[user], ...signatures };
  return merged;
}
