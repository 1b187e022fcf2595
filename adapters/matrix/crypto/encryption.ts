// Encrypted rooms: opens our device when the first of them is met (and at each start from then on), keeps what cannot be read yet, and
// tells a room once when it stays so.
import { sha256Hex } from '../../../shared/digest.ts';
import { backoffMs } from '../../../shared/backoff.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { AdapterHost } from '../../contract.ts';
import type { MatrixApi } from '../api.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { describe, isOutOfReach } from '../errors.ts';
import type { Login } from '../identity.ts';
import type { MatrixEvent } from '../receive/event-schema.ts';
import type { Rooms } from '../receive/rooms.ts';
import { deleteOtherDevices, hasDeviceRows, makeDeviceRows } from './durable-rows.ts';
import { CRYPTO_PACKAGE, loadCrypto, type LoadCrypto } from './library.ts';
import { openMachine, type DeviceNews, type Machine, type MachineDeps, type Opened } from './machine.ts';
import { isReplay } from './replays.ts';
import { keepNews, takeKeptNews } from './unread-news.ts';
import { openWaiting, type Waiting } from './waiting.ts';

/** How long a key may be late before its room is told. */
const GRACE_MS = 60_000;
const RETRY = { baseMs: 5_000, maxMs: 300_000 };
const SIGNED = 'cross-signing';

export const UNREADABLE_NOTICE =
  'I could not decrypt a message here, since its key has not reached me. Please send it again. Should the key still come, I read the message then.';
const UNSIGNED_HINT =
  ' My device is not signed by my account, and some apps keep their keys from such devices; whoever runs me finds in the documentation what helps.';
export const BROKEN_NOTICE =
  'This room is encrypted, and I cannot read it now: my keys cannot be opened. Whoever runs me finds the reason in my log.';
const NO_DEVICE_NOTICE =
  'This room is encrypted, and I cannot read it: my login is that of an application service, which has no keys. Please write to me in a room without encryption.';
export const MISSING_NOTICE = `This room is encrypted, and I cannot read encrypted rooms yet: whoever runs me has to run \`npm install ${CRYPTO_PACKAGE}\` where I am installed, and restart me. Or write to me in a room without encryption.`;

export interface EncryptionDeps {
  api: MatrixApi;
  host: AdapterHost;
  rooms: Rooms;
  clock: Clock;
  redactor: Redactor;
  signal: AbortSignal;
  identify(): Promise<Login>;
  load?: LoadCrypto | undefined;
}

export interface SealRequest {
  room: string;
  type: string;
  content: unknown;
}

export class Encryption {
  readonly #deps: EncryptionDeps;
  #machine: Promise<Machine | undefined> | undefined;
  #waiting: Promise<Waiting> | undefined;
  #settling: Promise<void> | undefined;
  #settleAgain = false;
  #cancelTelling: (() => void) | undefined;
  #telling: Promise<void> = Promise.resolve();
  #isTelling = false;
  /** For rooms, while nothing can be read. */
  #notice = MISSING_NOTICE;

  constructor(deps: EncryptionDeps) {
    this.#deps = deps;
  }

  /** Whether encrypted rooms can be read. Rejects when the homeserver does not tell who we are. */
  async prepare(): Promise<boolean> {
    const machine = await this.#open();
    const { signal, host, redactor } = this.#deps;
    // In the background it is tried again.
    await machine?.settle(signal).catch((error: unknown) => {
      host.log.debug({ problem: describe(error, redactor).message }, 'keys could not be exchanged yet');
    });
    return machine !== undefined;
  }

  /** Takes what a sync tells; on disk when it resolves. True: events that wait may be readable now. */
  async take(news: DeviceNews, isFirst: boolean): Promise<boolean> {
    const { host, identify } = this.#deps;
    const isFresh = this.#machine === undefined;
    const { device } = await identify();
    const hasKeys = async () => device !== undefined && hasDeviceRows(host.cursor, device);
    if (isFresh && !(await hasKeys())) return false;
    const machine = await this.#open();
    if (!machine) {
      if (await hasKeys()) await keepNews(host.cursor, news);
      return false;
    }
    if (isFirst) await machine.askAllAgain();
    const taken = await machine.take(news);
    if (isFirst || taken !== 'nothing') this.settleSoon();
    return isFresh || taken === 'maybe-keys';
  }

  async #open(): Promise<Machine | undefined> {
    const opening = (this.#machine ??= this.#openOnce());
    try {
      return await opening;
    } catch (error) {
      if (this.#machine === opening) this.#machine = undefined;
      throw error;
    }
  }

  async #openOnce(): Promise<Machine | undefined> {
    const { host, api, clock, signal } = this.#deps;
    const { user, device } = await this.#deps.identify();
    const crypto = await loadCrypto(this.#deps.load);
    this.#notice = device === undefined ? NO_DEVICE_NOTICE : MISSING_NOTICE;
    if (!crypto || device === undefined) return undefined;
    await deleteOtherDevices(host.cursor, device);
    const rows = makeDeviceRows({ cursor: host.cursor, clock, log: host.log, signal }, device);
    const machine = await this.#openKeys({ crypto, api, rows, user, device, log: host.log, signal });
    if (!machine) return undefined;
    try {
      const kept = await takeKeptNews(host.cursor, (news) => machine.take(news));
      if (kept > 0) await machine.askAllAgain();
    } catch (error) {
      // The next try opens it anew; never two at once.
      await machine.close();
      throw error;
    }
    host.log.info({ device }, 'encrypted rooms can be read');
    this.#settleNow(machine);
    return machine;
  }

  /** Rooms in the clear go on without them; they are tried again whenever they are needed. */
  async #openKeys(deps: MachineDeps): Promise<Machine | undefined> {
    const { host, signal, redactor } = this.#deps;
    try {
      return await openMachine(deps);
    } catch (error) {
      if (signal.aborted) throw error;
      host.log.error({ problem: describe(error, redactor).message }, 'the keys for encrypted rooms cannot be opened');
      this.#notice = BROKEN_NOTICE;
      this.#machine = undefined;
      return undefined;
    }
  }

  /** Lets the homeserver know what it must, beside everything else. */
  settleSoon(): void {
    void this.#machine?.then((machine) => machine && this.#settleNow(machine)).catch(() => undefined);
  }

  #settleNow(machine: Machine): void {
    this.#settleAgain = true;
    this.#settling ??= this.#settleAll(machine).finally(() => {
      this.#settling = undefined;
      if (this.#settleAgain && !this.#deps.signal.aborted) this.#settleNow(machine);
    });
  }

  async #settleAll(machine: Machine): Promise<void> {
    const { clock, signal, host, redactor } = this.#deps;
    for (let failures = 0; this.#settleAgain && !signal.aborted;) {
      this.#settleAgain = false;
      try {
        await machine.settle(signal);
        await this.#sign(machine);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures++;
        this.#settleAgain = true;
        host.log.warn({ problem: describe(error, redactor).message }, 'keys could not be exchanged; it is tried again');
        await clock.sleep(backoffMs(failures, RETRY, Math.random), signal).catch(() => undefined);
      }
    }
  }

  /** Once for each device. */
  async #sign(machine: Machine): Promise<void> {
    const { host, signal, identify } = this.#deps;
    const { device = '' } = await identify();
    if ((await host.cursor.get(SIGNED))?.startsWith(`${device} `)) return;
    const outcome = await machine.bootstrap(signal);
    await host.cursor.set(SIGNED, `${device} ${outcome}`);
    host.log.info({ outcome }, 'the device and the signing keys of its account');
  }

  /** Undefined: it is kept until its key comes, or is nothing that could be opened. */
  async open(room: string, event: MatrixEvent): Promise<MatrixEvent | undefined> {
    const opened = await this.peek(room, event);
    if (opened.state === 'opened') return (await this.#isReplay(room, event)) ? undefined : opened.event;
    const { log } = this.#deps.host;
    log.info({ room, why: opened.why, state: opened.state }, 'a message could not be decrypted');
    if (opened.state === 'refused') return undefined;
    const waiting = await this.#openWaiting();
    await waiting.add(room, event);
    await (opened.isAvailable ? this.#planTelling() : this.#tellMissing(room));
    return undefined;
  }

  /** Opens without keeping anything. */
  async peek(room: string, event: MatrixEvent): Promise<Opened> {
    // As of one that was redacted.
    if (event.content['ciphertext'] === undefined) return { state: 'refused', why: 'it is empty' };
    const machine = await this.#open();
    if (!machine) return { state: 'waiting', why: 'encrypted rooms cannot be read', isAvailable: false };
    const opened = await machine.open(room, event);
    // It may want to ask for the key.
    if (opened.state === 'waiting') this.settleSoon();
    return opened;
  }

  /** Hands over what waited and can be read now, in the order in which it came. */
  async retry(handle: (room: string, event: MatrixEvent) => Promise<void>): Promise<void> {
    const waiting = await this.#openWaiting();
    for await (const { name, room, event } of waiting.list()) {
      const opened = await this.peek(room, event);
      if (opened.state === 'waiting') continue;
      if (opened.state === 'opened' && !(await this.#isReplay(room, event))) await handle(room, opened.event);
      await waiting.remove(name);
    }
    await this.#planTelling();
  }

  async #isReplay(room: string, event: MatrixEvent): Promise<boolean> {
    const { cursor, log } = this.#deps.host;
    if (!(await isReplay(cursor, room, event))) return false;
    log.warn(
      { room, event: event.event_id },
      'an encrypted message was shown a second time, as a new one; it is left out',
    );
    return true;
  }

  async #openWaiting(): Promise<Waiting> {
    const { host, clock } = this.#deps;
    return (this.#waiting ??= openWaiting({ cursor: host.cursor, clock, log: host.log }));
  }

  /** The type and content to send instead. Rejects as MatrixApi.run does, and with UnsendableError. */
  async seal({ room, type, content }: SealRequest, signal: AbortSignal): Promise<{ type: string; content: unknown }> {
    const { encryption: rules, members } = await this.#deps.rooms.find(room, signal);
    const machine = await this.#open();
    if (!machine) throw new UnsendableError('unsupported', `The room is encrypted, which needs ${CRYPTO_PACKAGE}.`);
    if (rules?.algorithm !== 'm.megolm.v1.aes-sha2')
      throw new UnsendableError('unsupported', 'The room is encrypted in an unknown way.');
    const sealed = await machine.seal({ room, members: [...members.keys()], rules, type, content }, signal);
    return { type: 'm.room.encrypted', content: sealed };
  }

  async #planTelling(): Promise<void> {
    const { clock, signal } = this.#deps;
    const oldest = Math.min(...(await this.#openWaiting()).untold().values());
    if (!Number.isFinite(oldest) || this.#isTelling || this.#cancelTelling || signal.aborted) return;
    this.#cancelTelling = clock.after(Math.max(0, oldest + GRACE_MS - clock.now()), () => {
      this.#cancelTelling = undefined;
      this.#isTelling = true;
      this.#telling = this.#tell()
        .catch((error: unknown) => {
          const problem = describe(error, this.#deps.redactor).message;
          this.#deps.host.log.warn({ problem }, 'a room could not be told that a message is unreadable');
        })
        .finally(() => {
          this.#isTelling = false;
        });
    });
  }

  async #tell(): Promise<void> {
    const { clock, signal } = this.#deps;
    const { cursor } = this.#deps.host;
    const waiting = await this.#openWaiting();
    for (const [room, since] of waiting.untold()) {
      if (signal.aborted) return;
      if (clock.now() - since < GRACE_MS) continue;
      const isSigned = (await cursor.get(SIGNED))?.endsWith(' signed') ?? false;
      await this.#sayOnce(room, `unreadable:${room}:${since}`, UNREADABLE_NOTICE + (isSigned ? '' : UNSIGNED_HINT));
      await waiting.markTold(room);
    }
    this.#isTelling = false;
    await this.#planTelling();
  }

  async #sayOnce(room: string, key: string, text: string): Promise<void> {
    const { api, signal } = this.#deps;
    const txn = sha256Hex(key);
    const plain = { room, type: 'm.room.message', content: notice(text) };
    try {
      const { type, content } = await this.seal(plain, signal);
      await api.run({ method: 'PUT', path: ['client', 'v3', 'rooms', room, 'send', type, txn], body: content, signal });
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
    }
  }

  /** In the clear, as there is no other way; once for each room, for ever. */
  async #tellMissing(room: string): Promise<void> {
    const { host, api, clock, signal } = this.#deps;
    const key = `encrypted:${room}`;
    if ((await host.cursor.get(key)) !== undefined) return;
    const txn = sha256Hex(key);
    const path = ['client', 'v3', 'rooms', room, 'send', 'm.room.message', txn];
    await api.run({ method: 'PUT', path, body: notice(this.#notice), signal }).catch((error: unknown) => {
      if (!isOutOfReach(error)) throw error;
    });
    await host.cursor.set(key, String(clock.now()));
    host.log.info({ room }, 'the room is encrypted; it cannot be read, and was told so');
  }

  /** After it resolves, nothing of it runs. */
  async stop(): Promise<void> {
    this.#cancelTelling?.();
    await Promise.all([this.#settling, this.#telling]);
    const machine = await this.#machine?.catch(() => undefined);
    await machine?.close();
  }
}

function notice(body: string) {
  return { msgtype: 'm.notice', body, 'm.mentions': {} };
}
