// One Slack app in one workspace. Wires the parts together; the SDK is loaded with this file, which the manifest imports on demand.
import { z } from 'zod';
import type { Adapter, AdapterHost, AdapterInput, OutboundMessage, SendResult } from '../contract.ts';
import type { Capabilities } from '../capabilities.ts';
import { backoffMs } from '../../shared/backoff.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import { chatId, type MessageId, type UserId } from '../../shared/ids.ts';
import type { Address, AttachmentRef } from '../../shared/messages.ts';
import { silentLog, type Logger } from '../../shared/log.ts';
import { makeRedactor, type Redactor } from '../../shared/redact.ts';
import { makeSlackApi, type SlackApi } from './api.ts';
import { makeCapabilities } from './capabilities.ts';
import { makeDirectory } from './directory.ts';
import { NotCalledError } from '../transport/failures.ts';
import { describe, explainFailure, REFUSED_LOGIN, toAppError } from './errors.ts';
import { openFile } from './files.ts';
import type { OutboundDeps } from './outbound/deps.ts';
import { editMessage, sendMessage } from './outbound/messages.ts';
import { setReaction } from './outbound/reactions.ts';
import { findMessage } from './outbound/read-back.ts';
import { forgetOldUploads } from './outbound/uploads.ts';
import { openBackfill, type Backfill } from './receive/backfill.ts';
import { keepConnected } from './receive/connection.ts';
import { keepWatch, makeHttpHandler } from './receive/http.ts';
import { makeLanes } from '../transport/lanes.ts';
import { openProgress, type Progress } from './receive/progress.ts';
import { makeReceiver, type Bot, type Receiver } from './receive/receiver.ts';
import type { Envelope } from './receive/socket.ts';
import { receiveModeOf, secretsOf, type SlackSettings } from './settings.ts';

/** More than this waits only when nothing can be stored: what comes then is left to Slack, which sends it again. */
const MAX_WAITING = 2_000;
const CONNECT_BACKOFF = { baseMs: 500, maxMs: 60_000 };
const AUTH_WAIT_MS = 5 * 60_000;
/** Shown after our name in a thread, such as "Herald is thinking…". */
const STATUS = 'is thinking…';

const identitySchema = z.looseObject({ user_id: z.string().min(1), user: z.string().optional() });

export interface SlackTiming {
  clock?: Clock | undefined;
  /** How long a connection may leave our pings unanswered. */
  pingTimeoutMs?: number | undefined;
}

export function makeSlackAdapter(input: AdapterInput<SlackSettings>, timing: SlackTiming = {}): Adapter {
  return new SlackAdapter(input, timing);
}

class SlackAdapter implements Adapter {
  readonly #input: AdapterInput<SlackSettings>;
  readonly #clock: Clock;
  readonly #pingTimeoutMs: number | undefined;
  readonly #redactor: Redactor;
  readonly #api: SlackApi;
  readonly #outbound: OutboundDeps;
  readonly #stopping = new AbortController();
  readonly #commands = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #host: AdapterHost | undefined;
  #log: Logger = silentLog;
  #bot: Bot | undefined;
  #progress: Progress | undefined;
  #wake: () => void = () => {};
  /** True while calls are refused for our token, whatever else still works. */
  #isRefused = false;
  /** False once Slack has said that it shows no status for us. */
  #hasStatus = true;

  constructor(input: AdapterInput<SlackSettings>, timing: SlackTiming) {
    const { settings, fetch: fetchImpl } = input;
    this.#input = input;
    this.#clock = timing.clock ?? systemClock;
    this.#pingTimeoutMs = timing.pingTimeoutMs;
    this.#redactor = makeRedactor(secretsOf(settings));
    this.#api = makeSlackApi({
      token: settings.bot_token,
      apiRoot: settings.api_root,
      fetch: fetchImpl,
      log: () => this.#log,
      redactor: this.#redactor,
    });
    this.#outbound = {
      api: this.#api,
      apiRoot: settings.api_root,
      fetch: fetchImpl,
      redactor: this.#redactor,
      clock: this.#clock,
      cursor: () => this.#host?.cursor,
    };
  }

  capabilities(at: Address): Capabilities {
    return makeCapabilities({ streaming: this.#input.settings.streaming, isThread: at.thread !== undefined });
  }

  async start(host: AdapterHost): Promise<void> {
    if (this.#host) throw new AppError('internal', 'The Slack adapter was started twice.');
    this.#host = host;
    this.#log = host.log;
    host.status('connecting');
    host.signal.addEventListener('abort', () => this.#stopping.abort(), { once: true });
    this.#bot = await this.#whoAmI().catch((error: unknown) => {
      const failure = toAppError(error, this.#redactor);
      // A network that is down is no misconfiguration: the loop goes on trying.
      if (failure.code === 'platform_auth') throw failure;
      host.status('offline', 'Slack cannot be reached; it is tried again by itself.');
      return undefined;
    });
    this.#running = this.#run(host).catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      host.log.error({ problem: describe(error, this.#redactor).message }, 'the Slack connection ended unexpectedly');
      host.status('offline', 'The connection to Slack ended unexpectedly. Restart the gateway.');
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
  }

  async #whoAmI(): Promise<Bot> {
    const answer = await this.#api.call((client) => client.auth.test(), { signal: this.#stopping.signal });
    const { user_id: id, user: name } = identitySchema.parse(answer);
    return { id, name: name ?? 'herald' };
  }

  /** Finds out who we are if that is not known yet, then receives until we are stopped. */
  async #run(host: AdapterHost): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 1; !this.#bot && !signal.aborted; attempt++) {
      await this.#clock.sleep(backoffMs(attempt, CONNECT_BACKOFF), signal).catch(() => undefined);
      this.#bot = await this.#whoAmI().catch(async (error: unknown) => {
        if (explainFailure(error, this.#redactor).code !== 'auth') return undefined;
        host.status('needs-login', REFUSED_LOGIN);
        await this.#clock.sleep(AUTH_WAIT_MS, signal).catch(() => undefined);
        return undefined;
      });
    }
    if (!this.#bot || signal.aborted) return;
    await forgetOldUploads(this.#outbound).catch(() => undefined);
    await this.#receive(host, this.#bot);
  }

  async #receive(host: AdapterHost, bot: Bot): Promise<void> {
    const { signal } = this.#stopping;
    const clock = this.#clock;
    const progress = openProgress({
      cursor: host.cursor,
      clock,
      onFailure: () => host.log.warn({}, 'how far was read could not be saved'),
    });
    await this.#loadProgress(progress);
    this.#progress = progress;
    const lanes = makeLanes(MAX_WAITING);
    const base = { api: this.#api, host: this.#honest(host), redactor: this.#redactor, clock, signal };
    const receiver: Receiver = makeReceiver({
      ...base,
      account: this.#input.account,
      bot,
      lanes,
      progress,
      directory: makeDirectory(base),
      settings: this.#input.settings,
      commands: this.#commands,
      beforeEvent: (channel) => backfill.cover(channel),
      onRevoked: () => host.status('needs-login', 'The Slack app was removed from the workspace. Install it again.'),
    });
    const backfill: Backfill = openBackfill({ ...base, lanes, progress, receiver });
    let looking: Promise<void> = Promise.resolve();
    const onConnected = () => void (looking = backfill.begin());
    try {
      await this.#listen(base.host, { receiver, onConnected, onAlive: () => backfill.noteAlive() });
    } finally {
      await looking;
      await lanes.settle();
      await progress.save();
    }
  }

  async #listen(
    host: AdapterHost,
    to: { receiver: Receiver; onConnected: () => void; onAlive: () => void },
  ): Promise<void> {
    const { settings, fetch: fetchImpl } = this.#input;
    const mode = receiveModeOf(settings);
    const base = { host, redactor: this.#redactor, clock: this.#clock, signal: this.#stopping.signal };
    const { receiver, onConnected, onAlive } = to;
    if (mode.kind === 'socket') {
      const { appToken } = mode;
      const onEnvelope = (envelope: Envelope) => takeEnvelope(receiver, envelope);
      await keepConnected({
        ...base,
        appToken,
        apiRoot: settings.api_root,
        fetch: fetchImpl,
        onEnvelope,
        onConnected,
        onAlive,
        pingTimeoutMs: this.#pingTimeoutMs,
      });
      return;
    }
    const deps = { ...base, api: this.#api };
    // What was missed gets in line before the first request can.
    onConnected();
    host.serve(makeHttpHandler({ ...deps, receiver, signingSecret: mode.signingSecret }));
    await keepWatch({ ...deps, onConnected, onAlive }, () => new Promise((resolve) => (this.#wake = resolve)));
  }

  /** Without it nobody would know what was missed, so nothing is taken before. */
  async #loadProgress(progress: Progress): Promise<void> {
    const { signal } = this.#stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await progress.load();
        return;
      } catch {
        this.#log.warn({ attempt }, 'how far was read is not known; it is tried again');
        await this.#clock.sleep(backoffMs(attempt, CONNECT_BACKOFF), signal).catch(() => undefined);
      }
    }
  }

  async send(to: Address, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    const result = await sendMessage(this.#outbound, to, message, signal);
    if (result.ok && to.thread !== undefined) this.#progress?.follow(to.chat, to.thread);
    return this.#noticed(result);
  }

  async edit(to: Address, id: MessageId, message: OutboundMessage, signal: AbortSignal): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return this.#noticed(await editMessage(this.#outbound, { to, id, message }, signal));
  }

  async find(to: Address, key: string): Promise<SendResult | undefined> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return findMessage(this.#outbound, to, key);
  }

  async typing(to: Address): Promise<void> {
    const { thread } = to;
    if (thread === undefined || !this.#hasStatus || this.#stopping.signal.aborted) return;
    const args = { channel_id: to.chat, thread_ts: thread, status: STATUS };
    try {
      await this.#api.call((client) => client.assistant.threads.setStatus(args), { signal: this.#stopping.signal });
    } catch (error) {
      const { code, cause } = explainFailure(error, this.#redactor);
      if (code !== 'forbidden' && code !== 'unsupported') return;
      this.#hasStatus = false;
      this.#log.debug({ problem: cause.message }, 'no status is shown');
    }
  }

  async react(to: Address, id: MessageId, emoji: string | undefined): Promise<SendResult> {
    if (this.#stopping.signal.aborted) return this.#stopped();
    return setReaction(this.#outbound, { to, id, emoji }, this.#bot?.id ?? '');
  }

  async openDm(user: UserId): Promise<Address | undefined> {
    try {
      const { channel } = await this.#api.call((client) => client.conversations.open({ users: user }));
      const { platform, account } = this.#input;
      return channel?.id === undefined ? undefined : { platform, account, chat: chatId(channel.id), kind: 'dm' };
    } catch (error) {
      this.#log.debug({ problem: describe(error, this.#redactor).message }, 'no DM could be opened');
      return undefined;
    }
  }

  async open(ref: AttachmentRef, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const { settings, fetch: fetchImpl } = this.#input;
    const deps = { api: this.#api, apiRoot: settings.api_root, fetch: fetchImpl, redactor: this.#redactor };
    return openFile({ ...deps, token: settings.bot_token }, ref, signal);
  }

  /** Slack's own menu is set in the app's settings by hand; the names tell which words are commands. */
  async publishCommands(commands: readonly { name: string; description: string }[]): Promise<void> {
    this.#commands.clear();
    for (const { name } of commands) this.#commands.add(name.toLowerCase());
  }

  /** A connection may stand on the app token while the bot token is refused: that is not online. */
  #honest(host: AdapterHost): AdapterHost {
    return {
      ...host,
      status: (state, detail) => {
        if (state === 'online' && this.#isRefused) host.status('needs-login', REFUSED_LOGIN);
        else host.status(state, detail);
      },
    };
  }

  #stopped(): SendResult {
    return explainFailure(new NotCalledError('The adapter was stopped.'), this.#redactor);
  }

  /** A send tells whether our token works, and where Slack calls us also whether the network does: then the watch looks at once. */
  #noticed(result: SendResult): SendResult {
    const isRefused = !result.ok && result.code === 'auth';
    if (isRefused && !this.#isRefused) this.#host?.status('needs-login', REFUSED_LOGIN);
    if (result.ok && this.#isRefused) this.#host?.status('online');
    if (isRefused || result.ok) this.#isRefused = isRefused;
    if (!result.ok && (result.code === 'unreachable' || isRefused)) this.#wake();
    return result;
  }
}

function takeEnvelope(receiver: Receiver, { type, body }: Envelope): Promise<void> {
  switch (type) {
    case 'events_api':
      return receiver.takeEvent(body);
    case 'interactive':
      return receiver.takeInteraction(body);
    case 'slash_commands':
      return receiver.takeSlash(body);
  }
}
