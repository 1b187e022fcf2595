// The way of a message, put together: ingress, inbox, lanes, turns, outbox, delivery and the platforms' supervision. compose.ts gives it
// the real agent, pairing and server; tests give it scripted ones.
import type { HttpHandler } from '../adapters/contract.ts';
import type { SetupPort } from '../adapters/login.ts';
import type { EvidencePort } from '../agent/evidence/port.ts';
import type { AgentPort } from '../agent/port.ts';
import type { ProcessDb } from '../data/db.ts';
import { insertEvent } from '../data/process/work/events.ts';
import { readExchange } from '../data/process/exchanges.ts';
import { countInbox, type InboxRow } from '../data/process/inbox.ts';
import { countOutbox, getOutboxByKey, resendOutbox } from '../data/process/outbox.ts';
import { findPerson, listPersons } from '../data/process/people.ts';
import { listTimeline } from '../data/process/timeline.ts';
import type { Pairing } from '../pairing/pairing.ts';
import { hasRole } from '../pairing/policy.ts';
import type { JobService } from '../scheduler/types.ts';
import type { Clock } from '../shared/clock.ts';
import { AppError } from '../shared/errors.ts';
import type { AccountId, PersonId, UserId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { StoredFile } from '../shared/messages.ts';
import type { GatewayActions, GatewayStatus } from './actions.ts';
import { authorize, foreseeAccess } from './authorize.ts';
import { makeBus, type Bus } from './bus.ts';
import { makeCommandRunner } from './commands/runner.ts';
import { commands } from './commands/registry.ts';
import { openDelivery } from './delivery.ts';
import { tellGap } from './chats/gap.ts';
import type { MountOptions } from './http/server.ts';
import type { FileStore } from './media/downloads.ts';
import { openInbox } from './inbox.ts';
import { makeReceive } from './ingress.ts';
import { openLanes, type Lanes } from './lanes.ts';
import { makePoster, type Poster } from './outbox.ts';
import { makePanels } from './panels/open.ts';
import { openPlatforms, type PlatformAccount, type Platforms } from './platforms.ts';
import { chosenByNumber } from './chats/choices.ts';
import { makeFollowers } from './chats/followers.ts';
import { makeReceipts } from './chats/receipts.ts';
import type { TriggerService } from './triggers/arm.ts';
import { findRoute } from './chats/route.ts';
import { openQuestions, type Questions } from './clarify/questions.ts';
import type { GatewaySettings } from './settings.ts';
import { makeTurnRunner } from './turn.ts';
import { describeVoice } from './voice/report.ts';
import type { VoiceEngines } from './voice/engines.ts';
import type { VoiceReplies } from './voice/replies.ts';
import { makeVoice } from './voice/voice.ts';

export interface CoreInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  random: () => number;
  /** Changes with a reload of the configuration. */
  settings: GatewaySettings;
  agent: AgentPort;
  pairing: Pairing;
  files: FileStore;
  /** Undefined: recordings stay files, and answers are text only. */
  voice?: VoiceEngines | undefined;
  home: string;
  version: string;
  url(): string | undefined;
  ownerUser(platform: string): UserId | undefined;
  /** For owners and admins at a client of ours. */
  setup: SetupPort;
  mount(platform: string, account: AccountId, handler: HttpHandler, options: MountOptions): void;
  /** What runs by itself. Default: nothing does. */
  jobs?: (() => JobService) | undefined;
  /** Events that begin jobs. */
  triggers?: (() => TriggerService) | undefined;
  /** For panels. Default: nothing is known of what skills are worth. */
  evidence?: EvidencePort | undefined;
  /** See InboxPorts. */
  noticed?: ((row: InboxRow, person: PersonId | undefined) => Promise<void>) | undefined;
  process: Pick<GatewayActions, 'restart' | 'stop' | 'reload' | 'backup'>;
}

export interface Core {
  actions: GatewayActions;
  platforms: Platforms;
  /** Says results aloud; undefined: they are text only. */
  speech: Pick<VoiceReplies, 'rows'> | undefined;
  /** How the agent asks people in the middle of a turn. */
  questions: Pick<Questions, 'ask'>;
  /** Calls `listener` when something was said to Herald or is to be said by it. */
  onNews(listener: () => void): void;
  /** Calls `listener` when messages may have reached their end: sent, or not to be sent any more. */
  onSettled(listener: () => void): void;
  /** Rows of messages for a transaction of the caller. */
  poster: Poster;
  /** Takes up what an earlier process left, then starts the accounts. */
  start(accounts: readonly PlatformAccount[]): Promise<void>;
  /** Ends in order: no new work, running turns drained or parked, sends ended, platforms closed. */
  stop(): Promise<void>;
}

export function makeCore(input: CoreInput): Core {
  const { db, clock, log, settings, pairing, files } = input;
  const bus = makeBus();
  const ending = new AbortController();
  const startedAt = clock.now();
  const platforms: Platforms = openAccounts(input, bus, {
    onOnline: (platform, account) => delivery.accountOnline(platform, account),
    poster: () => poster,
  });
  const poster = makePoster({
    db,
    bus,
    ttlMs: settings.ttlMs,
    capabilities: (at) => platforms.capabilities(at),
    keepWhole: (key, text) => files.keepWhole(key, text),
  });
  const access = { db, pairing, settings, ownerUser: input.ownerUser };
  const foresee = (row: InboxRow) => foreseeAccess(access, row);
  const voice =
    input.voice &&
    makeVoice(input.voice, { ...input, platforms, poster, ttlMs: settings.ttlMs, foresee, signal: ending.signal });
  const prepare = voice?.prepare;
  const delivery = openDelivery({ ...input, bus, platforms, rows: (letter) => poster.rows(letter), prepare });
  const receipts = makeReceipts({ isOn: () => settings.receipts, find: (at) => platforms.find(at) });
  const turns = makeTurnRunner({
    ...input,
    platforms,
    poster,
    receipts,
    defaultQueueMode: settings.queueMode,
    ending: ending.signal,
    voice,
  });
  const lanes = openLanes({ db, clock, log, settings, poster, turns });
  const actions = makeActions(input, { startedAt, platforms, lanes, poster });
  const runner = makeCommandRunner({
    ...input,
    poster,
    actions,
    defaultQueueMode: settings.queueMode,
    storeFile: (name, mime, content) => files.keepContent(name, mime, content),
    signal: ending.signal,
  });
  const questions = openQuestions({ db, clock, poster, turnTimeoutMs: settings.turnTimeoutMs });
  const inbox = openInbox({
    ...input,
    bus,
    poster,
    lanes,
    receipts,
    commands: runner,
    signal: ending.signal,
    chosen: (row) => chosenByNumber(db, row, platforms.capabilities(row.address)),
    questions,
    authorize: (row) => authorize(access, row),
    voice,
    route: (person, row) =>
      findRoute(
        db,
        { person: person.id, address: row.address, title: row.payload.chatTitle ?? row.payload.senderName },
        row.payload.detached || row.payload.foreign ? 'own' : settings.dmScope,
      ),
  });

  return {
    actions,
    platforms,
    speech: voice,
    questions,
    poster,
    onSettled: (listener) => bus.on('settled', listener),
    onNews(listener) {
      bus.on('inbox', listener);
      bus.on('outbox', listener);
    },
    async start(accounts) {
      await platforms.start(accounts);
      await delivery.start();
      // First the turns that were cut off: what is taken from the inbox must find them running.
      await lanes.start();
      await inbox.start();
    },
    async stop() {
      ending.abort(new DOMException('Herald is stopping', 'AbortError'));
      await inbox.stop();
      await lanes.stop();
      await delivery.stop();
      await platforms.stop();
    },
  };
}

function openAccounts(
  input: CoreInput,
  bus: Bus,
  parts: { onOnline(platform: string, account: AccountId): void; poster(): Poster },
): Platforms {
  const { db, clock, log, files } = input;
  return openPlatforms({
    db,
    clock,
    log,
    random: input.random,
    receive: makeReceive(db, bus),
    onOnline: parts.onOnline,
    mount: input.mount,
    timeline: (platform, account, chat, page) => listTimeline(db, { platform, account, chat }, page),
    exchange: (at, of) => readExchange(db, at, of),
    follow: makeFollowers(bus, clock),
    transcribe: (file, signal) => transcribeFile(input.voice, file, signal),
    isPaired: async (platform, account, user) => (await findPerson(db, { platform, account, user })) !== undefined,
    setup: async (platform, account, user) => {
      const person = await findPerson(db, { platform, account, user });
      return person && hasRole(person.role, 'admin') ? input.setup : undefined;
    },
    panel: makePanels(input),
    storeUpload: (name, mime, body) => files.keep(name, mime, body),
    backfill: input.settings.backfill,
    tellGap: (platform, account, gap) => tellGap({ db, log, poster: parts.poster() }, { platform, account }, gap),
    commands: commands.map(({ name, description }) => ({ name, description })),
  });
}

interface ActionParts {
  startedAt: number;
  platforms: Platforms;
  lanes: Lanes;
  poster: Poster;
}

function makeActions(input: CoreInput, parts: ActionParts): GatewayActions {
  const { db } = input;
  const { platforms, lanes, poster } = parts;
  const engines = input.voice;
  return {
    ...input.process,
    voice: engines && (() => describeVoice(engines)),
    status: () => readStatus(input, parts),
    stopTurns: (target) => lanes.stopTurns(target),
    isRunning: (session) => lanes.isRunning(session),
    async post(to, text, options) {
      if (!platforms.health().some((one) => one.platform === to.platform && one.account === to.account))
        throw new AppError(
          'not_found',
          `No platform ${to.platform} is set up here, so nothing was sent. See \`herald status\`.`,
        );
      return poster.post(to, text, options);
    },
    async notify(event) {
      const row = await insertEvent(db, event);
      if (row) await lanes.arrived(row, event.session);
    },
    async resend(key, person) {
      const done = await resendOutbox(db, key, person, input.settings.ttlMs);
      const row = done ? await getOutboxByKey(db, key) : undefined;
      if (row) poster.wake(row.to);
      return done;
    },
  };
}

async function readStatus(
  input: CoreInput,
  parts: Pick<ActionParts, 'startedAt' | 'platforms' | 'lanes'>,
): Promise<GatewayStatus> {
  return {
    version: input.version,
    pid: process.pid,
    startedAt: parts.startedAt,
    url: input.url(),
    home: input.home,
    model: input.agent.describeModel(),
    adapters: parts.platforms.health(),
    inbox: await countInbox(input.db),
    outbox: await countOutbox(input.db),
    runningTurns: parts.lanes.running(),
    persons: (await listPersons(input.db)).length,
    rssBytes: process.memoryUsage.rss(),
  };
}

async function transcribeFile(voice: CoreInput['voice'], file: StoredFile, signal: AbortSignal): Promise<string> {
  const heard = await voice?.transcriber.transcribe(file, signal);
  if (heard?.ok) return heard.text;
  throw new AppError('bad_input', heard?.message ?? 'Nothing is set up here that can hear recordings.');
}
