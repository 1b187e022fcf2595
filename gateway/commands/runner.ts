// Step 4: slash commands are answered through the outbox, in the transaction that ends their row.
import type { AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import { getChat } from '../../data/process/chats.ts';
import { listInbox, moveInbox, rewriteWaiting, type InboxRow } from '../../data/process/inbox.ts';
import type { Person } from '../../data/process/people.ts';
import { answerInbox } from '../../data/process/turns.ts';
import type { Pairing } from '../../pairing/pairing.ts';
import { canUseCommand } from '../../pairing/policy.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { QueueMode, StoredFile } from '../../shared/messages.ts';
import type { JobService } from '../../scheduler/types.ts';
import type { GatewayActions } from '../actions.ts';
import { namedCommand } from './match.ts';
import { findCommand, parseCommand } from './parse.ts';
import { commands } from './registry.ts';
import type { Command, CommandReply } from './types.ts';
import type { Poster } from '../outbox.ts';
import type { Route } from '../chats/route.ts';
import type { TriggerService } from '../triggers/arm.ts';

export interface CommandPorts {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  poster: Poster;
  agent: AgentPort;
  actions: GatewayActions;
  pairing: Pairing;
  defaultQueueMode: QueueMode;
  /** What runs by itself. */
  jobs?: (() => JobService) | undefined;
  triggers?: (() => TriggerService) | undefined;
  storeFile(name: string, mime: string, content: string | Uint8Array): Promise<StoredFile>;
  signal: AbortSignal;
}

export interface CommandRunner {
  /** True for what must not wait behind anything: stop and answers to approvals. */
  isUrgent(text: string): boolean;
  /** Answers the row when it is a command; 'ask': the row is (now) a message for the agent. */
  run(input: { row: InboxRow; text: string; person: Person; route: Route }): Promise<'answered' | 'ask'>;
  /** Commands that a crash cut off: repeated where that is harmless, else their sender is asked. */
  recover(): Promise<void>;
  /** Ends a command's row that was cut off in the middle, and asks its sender. */
  tellCutOff(row: InboxRow): Promise<void>;
}

const URGENT = new Set(['stop', 'approve', 'deny']);

export function makeCommandRunner(ports: CommandPorts): CommandRunner {
  async function answer(row: InboxRow, person: Person, reply: CommandReply): Promise<void> {
    const outbox = ports.poster.rows({
      key: `c${row.id}`,
      to: row.address,
      kind: 'command',
      person: person.id,
      text: reply.text,
      files: reply.files,
      buttons: reply.buttons,
    });
    await answerInbox(ports.db, { rows: [row.id], state: 'answered', person: person.id, outbox });
    if (outbox.length > 0) ports.poster.wake(row.address);
  }

  async function carryOut(
    command: Command,
    args: string,
    input: { row: InboxRow; person: Person; route: Route },
  ): Promise<CommandReply> {
    const { row, person, route } = input;
    if (!canUseCommand(person.role, command.role).allowed)
      return { text: `\`/${command.name}\` is for ${command.role}s of this Herald. Nothing was changed.` };
    if (!command.duringTurn && ports.actions.isRunning(route.session.id))
      return {
        text: `I am still at work on your last message. \`/${command.name}\` has to wait: send it again when I am done, or \`/stop\` first.`,
      };
    try {
      return await command.run({
        db: ports.db,
        clock: ports.clock,
        scope: route.scope,
        person,
        address: row.address,
        session: route.session,
        row,
        args,
        agent: ports.agent,
        gateway: ports.actions,
        pairing: ports.pairing,
        jobs: ports.jobs?.(),
        triggers: ports.triggers?.(),
        commands,
        storeFile: ports.storeFile,
        defaultQueueMode: ports.defaultQueueMode,
        signal: ports.signal,
      });
    } catch (error) {
      const failure = asAppError(error);
      if (failure.code === 'internal') ports.log.error({ err: error, command: command.name }, 'command failed');
      return { text: failure.publicMessage };
    }
  }

  /** "/name words" of a skill becomes a message that asks for it; undefined when no skill is called so. */
  async function callSkills({
    row,
    text,
    person,
    route,
  }: Parameters<CommandRunner['run']>[0]): Promise<'answered' | 'ask' | undefined> {
    const { skills } = ports.agent;
    if (!skills) return undefined;
    try {
      const ask = await skills.invoke(
        {
          scope: route.scope,
          session: route.session.id,
          role: person.role,
          address: row.address,
          chatSkills: (await getChat(ports.db, row.address))?.settings.skills,
        },
        text,
      );
      if (ask === undefined) return undefined;
      await rewriteWaiting(ports.db, row.id, { ...row.payload, text: ask, button: undefined });
      return 'ask';
    } catch (error) {
      const failure = asAppError(error);
      if (failure.code === 'internal') ports.log.error({ err: error }, 'skills could not be called');
      await answer(row, person, { text: failure.publicMessage });
      return 'answered';
    }
  }

  async function tellCutOff(row: InboxRow): Promise<void> {
    await answerInbox(ports.db, {
      rows: [row.id],
      state: 'answered',
      reason: 'cut off in the middle',
      outbox: ports.poster.rows({
        key: `c${row.id}`,
        to: row.address,
        kind: 'notice',
        text: `I was cut off while carrying out \`${row.payload.text.slice(0, 80)}\`. It may or may not have taken effect: look at \`/status\`, and send it again if it is still needed.`,
      }),
    });
    ports.poster.wake(row.address);
  }

  return {
    tellCutOff,
    isUrgent(text) {
      const parsed = parseCommand(text);
      const found = parsed && findCommand(parsed.name);
      return found !== undefined && 'command' in found && URGENT.has(found.command.name);
    },
    async run({ row, text, person, route }) {
      const parsed = parseCommand(text);
      const known = parsed && namedCommand(parsed.name, commands);
      // A skill is called by its whole name only; a command's whole name comes first, its beginning after.
      if (!known && /^[/!]/.test(text.trim())) {
        const called = await callSkills({ row, text, person, route });
        if (called !== undefined) return called;
      }
      if (!parsed) return 'ask';
      const found = findCommand(parsed.name);
      if (!('command' in found)) {
        await answer(row, person, { text: unknownText(parsed.name, found.suggestions) });
        return 'answered';
      }
      if (found.command.once) await moveInbox(ports.db, row.id, 'received', 'running');
      const reply = await carryOut(found.command, parsed.args, { row, person, route });
      if (reply.ask === undefined) {
        await answer(row, person, reply);
        return 'answered';
      }
      if (reply.text !== '')
        await ports.poster.post(row.address, reply.text, { key: `c${row.id}`, kind: 'command', person: person.id });
      if (found.command.once) await moveInbox(ports.db, row.id, 'running', 'received');
      await rewriteWaiting(ports.db, row.id, { ...row.payload, text: reply.ask, button: undefined });
      return 'ask';
    },
    async recover() {
      for (const row of await listInbox(ports.db, { state: 'running', limit: 1_000 }))
        if (row.turn === undefined) await tellCutOff(row);
    },
  };
}

function unknownText(name: string, suggestions: readonly string[]): string {
  const hint = suggestions.length > 0 ? ` Did you mean ${suggestions.map((one) => `\`/${one}\``).join(' or ')}?` : '';
  return `I know no command \`/${name}\`.${hint} \`/help\` lists them all.`;
}
