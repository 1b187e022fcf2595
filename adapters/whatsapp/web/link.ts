// The connection of a linked device, kept for ever: made, watched, made again as its end demands, linked anew when the phone removed it.
import type { WAVersion } from 'baileys';
import type { AdapterHost } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { RecentMessages } from '../recent.ts';
import type { WhatsAppSettings } from '../settings.ts';
import { parseJid, type Me } from './addresses.ts';
import { deleteAuth, openAuthStore, type AuthStore } from './keys/auth-store.ts';
import { decideAfterClose, type AfterClose } from './close-reasons.ts';
import { makeDecrypting, type DecryptingDeps } from './keys/decrypting.ts';
import type { Groups } from './groups.ts';
import type { Baileys } from './library.ts';
import { makePairing } from './pairing.ts';
import { openSocket, statusOf, type Socket } from './socket.ts';
import { fetchWebVersion } from './web-version.ts';

/** Without a single frame for so long, the connection is dead whatever it says: pings are answered every 25 s. */
const SILENCE_MS = 75_000;
const WATCH_EVERY_MS = 15_000;
/** Each frame is a sign of life; one in so many milliseconds is told. */
const TELL_ONLINE_EVERY_MS = 10_000;
/** How long a peer that does not answer may hold up the end of a connection. */
const END_WAIT_MS = 2_000;

export interface LinkDeps {
  baileys: Baileys;
  settings: WhatsAppSettings;
  host: AdapterHost;
  clock: Clock;
  signal: AbortSignal;
  fetch: typeof fetch;
  random: () => number;
  recent: RecentMessages;
  groups: Groups;
  replays: DecryptingDeps['replays'];
  take: DecryptingDeps['take'];
  onEncrypted: DecryptingDeps['onEncrypted'];
}

interface Closed {
  code: number;
  wasOpen: boolean;
  codesShown: number;
}

export class Link {
  readonly #deps: LinkDeps;
  #auth: AuthStore | undefined;
  #socket: Socket | undefined;
  #isOpen = false;
  #version: WAVersion | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  /** Reads the login, then connects in the background. Rejects when the login cannot be read. */
  async start(): Promise<void> {
    const { baileys, host, clock, signal } = this.#deps;
    this.#auth = await openAuthStore({ baileys, cursor: host.cursor, clock, log: host.log, signal });
    host.status('connecting');
    this.#running = this.#run(this.#auth).catch((error: unknown) => {
      if (signal.aborted) return;
      const name = error instanceof Error ? error.name : 'unknown';
      host.log.error({ error: name }, 'the WhatsApp connection ended unexpectedly');
      host.status('offline', 'The connection to WhatsApp ended unexpectedly. Restart the gateway.');
    });
  }

  /** To be called after `signal` was aborted. */
  async stop(): Promise<void> {
    await this.#running;
  }

  /** The socket, while it is logged in. */
  get socket(): Socket | undefined {
    return this.#isOpen ? this.#socket : undefined;
  }

  /** Who we are; undefined until a phone has linked us. */
  get me(): Me | undefined {
    if (!this.#auth?.isLinked()) return undefined;
    const { me } = this.#auth.creds;
    const phone = parseJid(me?.id)?.user;
    const alias = parseJid(me?.lid)?.user;
    return phone === undefined ? undefined : { phone, alias: alias === undefined ? undefined : `${alias}@lid` };
  }

  async #run(first: AuthStore): Promise<void> {
    const { baileys, host, clock, signal, random } = this.#deps;
    let auth = first;
    let failures = 0;
    let pairingRounds = 0;
    while (!signal.aborted) {
      const closed = await this.#connectOnce(auth);
      await auth.settle().catch(() => undefined);
      if (signal.aborted) return;
      failures = closed.wasOpen ? 0 : failures + 1;
      const isLinked = auth.isLinked();
      pairingRounds = !isLinked && closed.codesShown > 0 ? pairingRounds + 1 : 0;
      const next = decideAfterClose({ ...closed, isLinked, failures, pairingRounds }, random);
      host.log.info({ code: closed.code, waitMs: next.waitMs }, 'the WhatsApp connection was closed');
      await this.#apply(next);
      // A login that was begun and not finished is begun anew: what is left of it would be refused.
      if (next.forgetLogin || !isLinked)
        auth = await openAuthStore({ baileys, cursor: host.cursor, clock, log: host.log, signal });
      this.#auth = auth;
      await clock.sleep(next.waitMs, signal).catch(() => undefined);
    }
  }

  async #apply(next: AfterClose): Promise<void> {
    const { host, signal } = this.#deps;
    host.login(undefined);
    if (next.forgetLogin) await deleteAuth(host.cursor);
    if (next.state) host.status(next.state, next.detail);
    if (next.refreshVersion) this.#version = (await fetchWebVersion(this.#deps.fetch, signal)) ?? this.#version;
  }

  /** One connection, from its beginning to its end. Rejects when it cannot even be tried. */
  async #connectOnce(auth: AuthStore): Promise<Closed> {
    const { settings, host, clock, signal, groups } = this.#deps;
    const ended = Promise.withResolvers<number>();
    const life = new AbortController();
    let lastFrameAt = clock.now();
    let toldAt = 0;
    const decrypting = makeDecrypting({ ...this.#deps, auth });
    const socket = openSocket({
      ...this.#deps,
      auth,
      decrypting,
      log: host.log,
      version: this.#version,
      group: (jid) => groups.get(jid),
      onFrame: () => {
        lastFrameAt = clock.now();
        if (!this.#isOpen || lastFrameAt - toldAt < TELL_ONLINE_EVERY_MS) return;
        toldAt = lastFrameAt;
        host.status('online');
      },
    });
    this.#socket = socket;
    const pairing = makePairing({ host, clock, socket, phone: settings.phone_number });
    let wasOpen = false;
    socket.ev.on('creds.update', () => void auth.saveCreds().catch(() => undefined));
    socket.ev.on('messages.upsert', ({ messages }) => {
      // To be seen once on the phone: nothing came that could be decrypted, so that nobody else hands it on.
      for (const message of messages)
        if (message.key.isViewOnce && !message.message) this.#deps.take(message).catch(() => undefined);
    });
    socket.ev.on('groups.update', (updates) => updates.forEach(({ id }) => id && groups.forget(id)));
    socket.ev.on('group-participants.update', ({ id }) => groups.forget(id));
    socket.ev.on('connection.update', (update) => {
      if (update.qr) void pairing.show(update.qr);
      if (update.connection === 'open') {
        wasOpen = true;
        this.#isOpen = true;
        toldAt = clock.now();
        host.login(undefined);
        host.status('online');
      }
      if (update.connection === 'close') ended.resolve(statusOf(update.lastDisconnect?.error) ?? 428);
    });
    this.#watch(() => clock.now() - lastFrameAt, life.signal, ended);
    const onStop = () => ended.resolve(428);
    signal.addEventListener('abort', onStop, { once: true });
    const code = await ended.promise;
    signal.removeEventListener('abort', onStop);
    life.abort();
    this.#isOpen = false;
    this.#socket = undefined;
    await endSocket(socket, clock);
    return { code, wasOpen, codesShown: pairing.shown };
  }

  /** Ends a connection that gives no sign of life. */
  #watch(silentMs: () => number, life: AbortSignal, ended: PromiseWithResolvers<number>): void {
    const { clock } = this.#deps;
    const look = async () => {
      while (!life.aborted) {
        await clock.sleep(WATCH_EVERY_MS, life).catch(() => undefined);
        if (!life.aborted && silentMs() > SILENCE_MS) ended.resolve(408);
      }
    };
    void look();
  }
}

/** Baileys waits for the peer's goodbye, which a dead peer does not say. */
async function endSocket(socket: Socket, clock: Clock): Promise<void> {
  const enough = new AbortController();
  const goodbye = socket.end(undefined).catch(() => undefined);
  await Promise.race([goodbye, clock.sleep(END_WAIT_MS, enough.signal).catch(() => undefined)]);
  enough.abort();
}
