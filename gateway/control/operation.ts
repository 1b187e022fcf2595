// What an operation of the control API is: a schema for what goes in, one for what comes out, and a function between them.
import type { z } from 'zod';
import type { EvidencePort } from '../../agent/evidence/port.ts';
import type { AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { Pairing } from '../../pairing/pairing.ts';
import type { Clock } from '../../shared/clock.ts';
import type { PersonId } from '../../shared/ids.ts';
import { AppError } from '../../shared/errors.ts';
import type { StoredFile } from '../../shared/messages.ts';
import type { JobService } from '../../scheduler/types.ts';
import type { BackupPlace, GatewayActions } from '../actions.ts';
import type { Activity } from '../mcp/activity.ts';
import type { TriggerService } from '../triggers/arm.ts';

/** One line of the bill of what every request to the model carries. */
export interface PromptPart {
  name: string;
  tokens: number;
  chars: number;
}

export interface McpServerState {
  name: string;
  transport: 'stdio' | 'http';
  state: string;
  /** Names of tools, of the server's own. */
  offered: readonly string[];
  /** Not offered: looks dangerous, or is not what it was. */
  heldBack: readonly string[];
  problem?: string | undefined;
  /** All of it in words; lines after the first begin with two spaces. */
  lines: readonly string[];
}

/** The MCP servers of the running gateway. All reject with AppError, `not_found` for an unknown name. */
export interface McpControl {
  list(): Promise<readonly McpServerState[]>;
  /** The address where the owner logs in; undefined when no login is needed. Begins none when one is under way. */
  beginLogin(server: string): Promise<{ address: string | undefined }>;
  /** True when the login that was begun has worked, false when it still waits after `waitMs`. */
  awaitLogin(server: string, waitMs: number): Promise<boolean>;
  /** Ends the login that waits with the address that the browser was sent to. */
  completeLogin(server: string, address: string): Promise<void>;
  logout(server: string): Promise<void>;
  /** Offers tools again that have changed: those named, or all. */
  allow(server: string, tools: readonly string[] | undefined): Promise<void>;
  /** Reads anew what the server offers. */
  refresh(server: string): Promise<void>;
}

/** What operations work on. Without `actions` there is no gateway: only operations with `needsGateway` false run. */
export interface ControlContext {
  db: ProcessDb;
  pairing: Pairing;
  clock: Clock;
  home: string;
  actions?: GatewayActions | undefined;
  agent?: AgentPort | undefined;
  /** As GatewayActions has it. Used when there are no `actions`. */
  backup?: ((file: string | undefined) => Promise<BackupPlace>) | undefined;
  /** The fixed part of the prompt, by part. */
  promptSize?: (() => Promise<readonly PromptPart[]>) | undefined;
  /** The link that redeems an owner code in a browser; undefined when no page is served. */
  ownerLink?: ((code: string) => string | undefined) | undefined;
  /** Keeps a file that is to be sent, under $HERALD_HOME. Rejects with AppError when it is too large. */
  storeUpload?: ((name: string, mime: string, body: ReadableStream<Uint8Array>) => Promise<StoredFile>) | undefined;
  /** Proves entries of the record of approvals. Throws AppError when the key cannot be read. */
  ledgerKey?: (() => { verify(hash: string, signature: string): boolean; publicKey: string }) | undefined;
  /** Who asks, when they have proven it by a key of theirs. Undefined: whoever can open the local socket. */
  actor?: PersonId | undefined;
  mcp?: McpControl | undefined;
  /** What runs by itself. */
  jobs?: JobService | undefined;
  /** Events that begin jobs. */
  triggers?: TriggerService | undefined;
  evidence?: EvidencePort | undefined;
  /** Tells of news, so that an operation can wait for them; without it, waiting ends at once. */
  activity?: Activity | undefined;
}

export interface Operation<In extends z.ZodType, Out extends z.ZodType> {
  input: In;
  output: Out;
  /** True when it asks something of the running gateway, so that the data alone is not enough. */
  needsGateway: boolean;
  /** Rejects with AppError. */
  run(context: ControlContext, input: z.output<In>): Promise<z.input<Out>>;
}

/** Binds the types of one operation together. */
export function defineOperation<In extends z.ZodType, Out extends z.ZodType>(
  operation: Operation<In, Out>,
): Operation<In, Out> {
  return operation;
}

/** The gateway behind an operation that needs one. Throws AppError `gateway_not_running`. */
export function requireActions(context: ControlContext): GatewayActions {
  if (context.actions) return context.actions;
  throw notRunning();
}

export function requireAgent(context: ControlContext): AgentPort {
  if (context.agent) return context.agent;
  throw notRunning();
}

export function notRunning(): AppError {
  return new AppError('gateway_not_running', 'No gateway runs, and this needs one. Start it with `herald start`.');
}
