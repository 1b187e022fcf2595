// Steps 6 and 7: one turn from its inbox rows to the finish transaction.
import type { AgentPort, AgentTurn, TurnInput, TurnResult } from '../agent/port.ts';
import type { ProcessDb } from '../data/db.ts';
import { getChat } from '../data/process/chats.ts';
import { listInbox, type InboxRow } from '../data/process/inbox.ts';
import { getPerson, type Person } from '../data/process/people.ts';
import {
  countAttempt,
  finishTurn,
  listTurnRows,
  parkTurn,
  steerIntoTurn,
  type Turn,
  type TurnFinish,
} from '../data/process/turns.ts';
import { storedScope } from '../data/scope.ts';
import { getSession } from '../data/sessions.ts';
import type { Clock } from '../shared/clock.ts';
import { abortable } from '../shared/deadline.ts';
import { AppError } from '../shared/errors.ts';
import type { MessageId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { addressKey, type Origin, type QueueMode, type Role } from '../shared/messages.ts';
import { isHeldUp, isHeldUpCode, untilStored } from '../shared/held-up.ts';
import { earlierInChat } from './chats/group-context.ts';
import { newsOfTurn } from './chats/news.ts';
import type { Receipts } from './chats/receipts.ts';
import type { FileStore } from './media/downloads.ts';
import { textOf } from './inbox.ts';
import { TurnCut, type TurnRunner } from './lanes.ts';
import type { Poster } from './outbox.ts';
import type { Platforms } from './platforms.ts';
import { openStream } from './stream.ts';
import { endDead, inboxEnds, messagesOf, type Cut } from './turn-end.ts';
import { voiceHint } from './voice/replies.ts';
import type { Voice } from './voice/voice.ts';

/** A turn that was running in this many crashes is not begun again. */
const MAX_ATTEMPTS = 3;

export interface TurnPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  agent: AgentPort;
  platforms: Platforms;
  poster: Poster;
  files: FileStore;
  receipts: Receipts;
  defaultQueueMode: QueueMode;
  /** Aborted when the process begins to end. */
  ending: AbortSignal;
  /** Says answers aloud; undefined: they are text only. */
  voice?: Pick<Voice, 'rows'> | undefined;
}

export function makeTurnRunner(ports: TurnPorts): TurnRunner {
  const { clock, log, ending } = ports;
  const disk = { clock, log, signal: ending };

  /** `taken`: its rows, when it was only just begun. */
  async function runUntilStored(
    turn: Turn,
    taken: readonly InboxRow[] | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await untilStored(disk, 'a turn', async (attempt) => {
        const rows = attempt === 1 ? taken : undefined;
        return run(turn, { rows: rows ?? (await listTurnRows(ports.db, turn.id)), resumed: !rows }, signal);
      });
    } catch (error) {
      if (isHeldUp(error)) {
        log.warn({ err: error, turn: turn.id }, 'a turn could not be stored; it is resumed at the next start');
        return;
      }
      log.error({ err: error, turn: turn.id }, 'turn failed outside its agent');
      await untilStored(disk, 'the end of a turn', () => giveUp(turn));
    }
  }

  /** The end of a turn that cannot end otherwise: without it, its rows would lie there until the next start, and then again. */
  async function giveUp(turn: Turn): Promise<void> {
    const rows = await listTurnRows(ports.db, turn.id);
    await finish(turn, {
      state: 'failed',
      errorCode: 'internal',
      messages: [],
      outbox: notice(turn, INTERNAL_TEXT),
      inbox: [endDead(rows, 'internal')],
    });
  }

  function notice(turn: Turn, text: string): TurnFinish['outbox'] {
    return ports.poster.rows({
      key: turn.id,
      to: turn.address,
      kind: 'notice',
      turn: turn.id,
      person: turn.person,
      text,
    });
  }

  async function run(
    turn: Turn,
    { rows, resumed }: { rows: readonly InboxRow[]; resumed: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const person = await getPerson(ports.db, turn.person);
    if (!person || rows.length === 0) {
      await finish(turn, {
        state: 'failed',
        errorCode: 'not_found',
        messages: [],
        outbox: [],
        inbox: [endDead(rows, 'its sender is gone')],
      });
      return;
    }
    const stream = openStream({ ...ports, adapter: ports.platforms.find(turn.address) }, turn);
    let preview: MessageId | undefined;
    let result: TurnResult;
    let mayHaveMore = false;
    try {
      const emit: AgentTurn['emit'] = (event) => stream.event(event);
      const onSteer = () => (mayHaveMore = true);
      result = await runAgent({ turn, person, rows, resumed, emit, onSteer }, signal);
    } finally {
      preview = await stream.close(signal);
    }
    // Nothing is wrong with the question: it waits for room, and what the journal has is not done again.
    const { errorCode } = result;
    if (result.end === 'failed' && isHeldUpCode(errorCode))
      throw new AppError(errorCode, result.text, { retryable: true });
    const why = signal.aborted && signal.reason instanceof TurnCut ? signal.reason.why : undefined;
    if (why === 'shutdown' && result.end !== 'done') return parkTurn(ports.db, turn.id);
    // An answer that was ready is given, even in the last moment.
    const cut = why === 'shutdown' ? undefined : why;
    const all = mayHaveMore ? await listTurnRows(ports.db, turn.id) : rows;
    const end = makeFinish({ turn, rows: all, result, cut, preview });
    const news = end.state === 'done' ? await newsOfTurn(ports.db, turn, result.text) : undefined;
    const spoken = end.state === 'done' ? await speechOf(turn, result.text, all) : [];
    const more = news ? [...spoken, ...ports.poster.rows(news)] : spoken;
    await finish(turn, { ...end, outbox: [...end.outbox, ...more] });
    if (news) ports.poster.wake(news.to);
    ports.receipts.ended(all, end.state !== 'failed');
    const { session, address } = turn;
    const scope = storedScope(turn.person, turn.space);
    ports.agent.turnEnded?.({ scope, session, turn: turn.id, role: person.role, address, state: end.state });
  }

  async function speechOf(turn: Turn, text: string, asked: readonly InboxRow[]): Promise<TurnFinish['outbox']> {
    if (!ports.voice) return [];
    const mode = (await getChat(ports.db, turn.address))?.settings.voice;
    const { id, address: to, person } = turn;
    return ports.voice.rows({ key: id, to, person, turn: id, text, mode, asked });
  }

  async function runAgent(
    input: {
      turn: Turn;
      person: Person;
      rows: readonly InboxRow[];
      resumed: boolean;
      emit: AgentTurn['emit'];
      /** Rows may join the turn from now on. */
      onSteer: () => void;
    },
    signal: AbortSignal,
  ): Promise<TurnResult> {
    const { turn, person } = input;
    try {
      const scope = storedScope(turn.person, turn.space);
      const session = await getSession(ports.db, scope, turn.session);
      const chat = await getChat(ports.db, turn.address);
      const earlier = input.rows[0] && (await earlierInChat(ports, input.rows[0]));
      const inputs: TurnInput[] = earlier ? [earlier] : [];
      for (const row of input.rows) inputs.push(await abortable(inputOf(row, person, signal), signal));
      return await ports.agent.run(
        {
          id: turn.id,
          session: turn.session,
          scope,
          person: turn.person,
          role: person.role,
          address: turn.address,
          promptHint: [ports.platforms.capabilities(turn.address).promptHint, voiceHint(chat?.settings.voice)]
            .join(' ')
            .trim(),
          chatPrompt: chat?.settings.prompt,
          disabledTools: chat?.settings.disabledTools,
          chatSkills: chat?.settings.skills,
          inputs,
          model: session?.model ?? chat?.settings.model,
          personality: session?.personality,
          resumed: input.resumed,
          steer(stepKey) {
            input.onSteer();
            return steer(turn, person, stepKey, signal);
          },
          emit: input.emit,
        },
        signal,
      );
    } catch (error) {
      if (isHeldUp(error)) throw error;
      if (signal.aborted) return { end: 'stopped', text: '', files: [], transcript: [] };
      ports.log.error({ err: error, turn: turn.id }, 'turn failed before or outside the agent');
      return { end: 'failed', text: INTERNAL_TEXT, files: [], transcript: [], errorCode: 'internal' };
    }
  }

  async function inputOf(row: InboxRow, person: Person, signal: AbortSignal): Promise<TurnInput> {
    const { files, problems } = await ports.files.fetchAll(row, ports.platforms.find(row.address), signal);
    return {
      inbox: row.id,
      text: [textOf(row), ...problems].filter((part) => part !== '').join('\n'),
      // What was heard is in the text; a recording beside it would only be a file that cannot be seen.
      files: row.payload.voice?.text === undefined ? files : files.filter((file) => file.kind !== 'voice'),
      author: row.payload.senderName || person.name,
      origin: row.payload.event?.origin ?? (row.payload.foreign ? 'foreign' : originOf(person.role)),
      replyTo: row.payload.replyTo?.text
        ? {
            text: row.payload.replyTo.text,
            author: row.payload.replyTo.mine ? 'you' : (row.payload.replyTo.author ?? 'someone'),
          }
        : undefined,
      sentAt: row.payload.sentAt,
    };
  }

  /** Messages of the same person and chat that came since, when the chat's mode is steer. */
  async function steer(
    turn: Turn,
    person: Person,
    stepKey: string,
    signal: AbortSignal,
  ): Promise<readonly TurnInput[]> {
    const mode = (await getChat(ports.db, turn.address))?.settings.queueMode ?? ports.defaultQueueMode;
    if (mode !== 'steer') return [];
    const chat = addressKey(turn.address);
    const waiting = await listInbox(ports.db, { state: 'queued', session: turn.session, limit: 20 });
    const mine = waiting.filter((row) => row.person === turn.person && addressKey(row.address) === chat);
    const inputs: TurnInput[] = [];
    for (const row of mine) inputs.push(await inputOf(row, person, signal));
    const rows = mine.map((row) => row.id);
    const taken = await steerIntoTurn(ports.db, { turn: turn.id, stepKey, rows, payload: JSON.stringify(inputs) });
    return taken ? inputs : [];
  }

  function makeFinish(input: {
    turn: Turn;
    rows: readonly InboxRow[];
    result: TurnResult;
    cut: Cut | undefined;
    preview: MessageId | undefined;
  }): Omit<TurnFinish, 'turn'> & { state: 'done' | 'stopped' | 'failed' } {
    const { turn, result, rows, cut } = input;
    const text = cut === 'timeout' ? `${result.text}\n\n${TIMEOUT_TEXT}`.trim() : cut === undefined ? result.text : '';
    // What fails because it is stopped was stopped.
    const failed = cut === 'timeout' || (cut === undefined && result.end === 'failed');
    const outbox = ports.poster.rows({
      key: turn.id,
      to: turn.address,
      kind: failed ? 'notice' : 'answer',
      text,
      turn: turn.id,
      person: turn.person,
      files: result.files,
      buttons: result.buttons?.map((button) => [button]),
      editOf: input.preview,
      replyTo: turn.address.kind === 'group' ? rows.find((row) => !row.payload.event)?.message : undefined,
    });
    return {
      state: failed ? 'failed' : cut === undefined && result.end === 'done' ? 'done' : 'stopped',
      errorCode: result.errorCode,
      messages: messagesOf(result.transcript, failed ? 'failed' : cut),
      outbox,
      inbox: inboxEnds(rows, failed ? 'failed' : (cut ?? result.end), result.errorCode),
    };
  }

  async function finish(turn: Turn, end: Omit<TurnFinish, 'turn'>): Promise<void> {
    await finishTurn(ports.db, { turn, ...end });
    if (end.outbox.length > 0) ports.poster.wake(turn.address);
  }

  async function quarantine(turn: Turn): Promise<void> {
    const rows = await listTurnRows(ports.db, turn.id);
    const outbox = notice(turn, QUARANTINE_TEXT);
    await finish(turn, {
      state: 'quarantined',
      errorCode: 'internal',
      messages: [],
      outbox,
      inbox: [endDead(rows, 'crashed the process repeatedly')],
    });
    ports.log.error({ turn: turn.id }, 'turn quarantined after repeated crashes');
  }

  return {
    run: (turn, rows, signal) => runUntilStored(turn, rows, signal),
    async resume(turn, signal) {
      const attempts = await untilStored(disk, 'a turn', () => countAttempt(ports.db, turn.id));
      if (attempts > MAX_ATTEMPTS) return untilStored(disk, 'a turn', () => quarantine(turn));
      return runUntilStored(turn, undefined, signal);
    },
  };
}

const INTERNAL_TEXT =
  'Something went wrong inside Herald, and I could not answer. Your message is kept; `/retry` asks it again.';
const TIMEOUT_TEXT =
  'I stopped because this took longer than a turn may take. What I did until then is kept; `/retry` tries again.';
const QUARANTINE_TEXT =
  'Answering your last message ended my process several times, so I have set it aside and go on without it. It is kept in the log of messages; try it in other words.';

function originOf(role: Role): Origin {
  return role === 'owner' ? 'owner' : role === 'guest' ? 'foreign' : 'member';
}
