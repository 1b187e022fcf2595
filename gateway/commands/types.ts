// One slash command = one file exporting one `Command`; registry.ts lists them. The same on every platform.
import type { AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { Person } from '../../data/process/people.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import type { Scope } from '../../data/scope.ts';
import type { Session } from '../../data/sessions.ts';
import type { Pairing } from '../../pairing/pairing.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Address, Button, Role, StoredFile } from '../../shared/messages.ts';
import type { JobService } from '../../scheduler/types.ts';
import type { GatewayActions } from '../actions.ts';
import type { TriggerService } from '../triggers/arm.ts';

export interface CommandContext {
  db: ProcessDb;
  clock: Clock;
  scope: Scope;
  person: Person;
  address: Address;
  session: Session;
  /** The stored message that carries the command. */
  row: InboxRow;
  /** Text after the name, trimmed. */
  args: string;
  agent: AgentPort;
  gateway: GatewayActions;
  pairing: Pairing;
  /** What runs by itself; undefined: nothing does here. */
  jobs?: JobService | undefined;
  /** Events that begin jobs. */
  triggers?: TriggerService | undefined;
  /** The registry itself, for /help. */
  commands: readonly Command[];
  /** Writes a file that a reply may carry; resolves with it stored under $HERALD_HOME. */
  storeFile(name: string, mime: string, content: string | Uint8Array): Promise<StoredFile>;
  defaultQueueMode: 'queue' | 'steer' | 'collect' | 'interrupt';
  signal: AbortSignal;
}

export interface CommandReply {
  /** Markdown; '' answers nothing. */
  text: string;
  files?: readonly StoredFile[];
  buttons?: readonly (readonly Button[])[];
  /** Ask the agent this instead of (or after) answering: the message enters the lane as if the person had sent it. */
  ask?: string;
}

export interface Command {
  /** Without slash, lower case. */
  name: string;
  aliases: readonly string[];
  description: string;
  /** Arguments as shown in help, '' for none. */
  usage: string;
  /** Least role that may use it in a DM; in groups everybody listed there. */
  role: Role;
  /** False: refused while a turn of the session runs. Most act at once. */
  duringTurn: boolean;
  /** Carrying it out twice differs from once: after a crash in the middle the person is asked, and it is not repeated. */
  once?: true;
  /** Rejects with AppError for wrong arguments; its publicMessage is the answer. */
  run(context: CommandContext): Promise<CommandReply>;
}
