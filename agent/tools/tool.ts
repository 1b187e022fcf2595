// What a tool is. One tool = one file that exports one value made by `defineTool`; registry.ts lists them, dispatcher.ts runs them.
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { z } from 'zod';
import type { Db } from '../../data/db.ts';
import type { Effect } from '../../data/schema.ts';
import type { Scope } from '../../data/scope.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Address, Origin, Role, StoredFile } from '../../shared/messages.ts';
import type { JsonValue, ToolSchema } from '../providers/types.ts';
import type { ChatSkills } from '../skills/port.ts';

/** A chat of the person that Herald may write to. */
export interface OwnChat {
  address: Address;
  /** As people know it: the chat's title, or the platform's when it has none. */
  title: string;
}

/**
 * What a call reaches beyond its own turn. `workspace`: files of the person's workspace · `machine`: this or another machine outside
 * workspace and sandbox · `network`: it can send data to others · `people`: it sends something to somebody · `memory`: what is remembered of a
 * person · `settings`: what later turns do (configuration, skills, schedules, instruction files) · `money`: it costs something beside the model.
 */
export type Touch = 'workspace' | 'machine' | 'network' | 'people' | 'memory' | 'settings' | 'money';

/** What may be allowed for longer than once: as narrow as is useful. */
export interface Grant {
  /** For the person, such as "`git push origin *` in ~/shop". */
  title: string;
  /** Calls of the tool with the same key are covered. Canonical: for commands program, argument pattern and working folder. */
  key: string;
  /** True when it covers calls with other arguments; such a grant does not count once foreign text has been read. */
  wide: boolean;
}

/** What one call would do, said by its tool before it runs. The policy decides on it, so it must not be too good. */
export interface Assessment {
  effect: Effect;
  touches: readonly Touch[];
  /** It is never run, whoever allows it; says why, for the model. */
  forbidden?: string | undefined;
  /** It is asked about even where such calls are free; says why, for the person. */
  risk?: string | undefined;
  /**
   * Addresses (URLs) that the call goes to. A call whose only reach is `network` and whose addresses all stood, letter by letter, in the
   * conversation gives nothing away and is not asked about.
   */
  addresses?: readonly string[] | undefined;
  /** Absent: it can be allowed once only. */
  grant?: Grant | undefined;
}

/** Where a call would run. */
export interface AssessAt {
  role: Role;
  address: Address;
  /** Absolute path. */
  workspace: string;
}

/** How tools reach what the agent does not own. */
export interface ToolPorts {
  /** Paired direct chats of the scope's person, latest first; no one else's. */
  listOwnChats(scope: Scope): Promise<readonly OwnChat[]>;
  /**
   * Puts markdown in the outbox of `to`; resolves when it is on disk. Idempotent by `key` (at most 48 ASCII characters): the same
   * key is sent once. Rejects with AppError.
   */
  sendMessage(message: { to: Address; text: string; key: string; scope: Scope }): Promise<void>;
}

export interface WorkTree {
  /** Turn that the tree of tasks began in. */
  root: TurnId;
  /** The worker's own task; undefined in a person's turn. */
  task: string | undefined;
  /** As other workers know it. */
  name: string;
  /** 0 in a person's turn. */
  depth: number;
  /** It is a job. */
  isJob?: boolean | undefined;
  /** Set below a job: names of all tools that it may have at most. */
  within?: readonly string[] | undefined;
}

/** A call that a running tool makes, as if the model had made it. */
export interface InnerCall {
  /** From 1, in the order in which the tool makes them. */
  index: number;
  name: string;
  arguments: { [key: string]: JsonValue };
  /** Ends this call; aborts no later than the signal of the tool. */
  signal: AbortSignal;
  /** Waits for what may take a person's time. */
  hold<Value>(waiting: Promise<Value>): Promise<Value>;
}

/** Calls of a running tool: decided, asked about, journaled, redacted and counted as words of others like any other call of the turn. */
export interface InnerCalls {
  /** All tools of the turn. */
  readonly names: readonly string[];
  /** Whether it may run beside others. */
  isParallel(call: Pick<InnerCall, 'name' | 'arguments'>): boolean;
  /**
   * After a restart, what was recorded of the same call at the same index. `diverged`: another call was made at this index before the
   * restart, and this one was not run. Failures of tools are results; rejects with AppError when the turn cannot go on, or `signal` aborts.
   */
  run(call: InnerCall): Promise<InnerOutcome | 'diverged'>;
}

export interface InnerOutcome {
  text: string;
  isError: boolean;
  origin: Origin;
  /** Shown to the person with the answer. */
  files?: readonly StoredFile[] | undefined;
}

/** What a running tool may use. */
export interface ToolContext extends ToolPorts {
  db: Db;
  clock: Clock;
  scope: Scope;
  role: Role;
  session: SessionId;
  turn: TurnId;
  address: Address;
  timezone: string;
  /** Folder that tools of this person or group work in: an absolute path. Made by whoever writes to it first. */
  workspace: string;
  /** What the chat settled about skills. */
  chatSkills?: ChatSkills | undefined;
  /** Tools of the turn that are not in its prompt. */
  rareTools: readonly Tool[];
  /** Where the turn stands among workers. */
  tree: WorkTree;
  /** True when text of others has been read in this turn. */
  tainted: boolean;
  /** Derived from turn and call: the same in a replay, so that an effect can be made once. 40 ASCII characters. */
  idempotencyKey: string;
  /** Asks a cheap model, paid by the turn; undefined: there is none. What it says is of the origin of `text`. Rejects with AppError. */
  condense?: ((instruction: string, text: string, signal: AbortSignal) => Promise<string>) | undefined;
  /** Aborted when the turn is stopped or the call times out. */
  signal: AbortSignal;
  calls: InnerCalls;
  /** Starts a child process that dies, with its own children, when the call ends. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

export interface ToolResult {
  text: string;
  /** Default false. */
  isError?: boolean;
  /** When it differs from the tool's own `origin`. */
  origin?: Origin;
  /** Shown to the person with the answer. */
  files?: readonly StoredFile[];
  /**
   * When the files of the workspace that the text shows, or that were made of others, last changed (ms since the epoch; undefined: not known).
   * What may hold words of others makes the result `foreign`.
   */
  changedAt?: readonly (number | undefined)[];
  /** True: what the call began goes on and may write files after it. */
  goesOn?: boolean;
}

export interface ToolDefinition<Args> {
  /** Letters, digits and underscores. */
  name: string;
  description: string;
  /** An object schema; its JSON form is what the model sees. */
  parameters: z.ZodType<Args>;
  /** What running it twice would do; see policy.ts and the journal. */
  effect: Effect;
  /** Default: nothing for a `pure` tool, else `people`: free where only its own person speaks. */
  touches?: readonly Touch[];
  /** For tools whose calls differ. Synchronous and without effects. Default: `effect` and `touches`. */
  assess?(args: Args, at: AssessAt): Assessment;
  /** Milliseconds that a call may take. Default: `tools.timeout_ms` of the configuration. */
  timeoutMs?(args: Args): number;
  /** Whose words its results are. `foreign` makes the rest of the turn ask before it acts. */
  origin: Origin;
  /** True: its results may show any file of the workspace; words of others in there make them `foreign`. Default false. */
  readsWorkspace?: boolean;
  /** Group of tools that is switched on or off together. */
  toolset: string;
  /** True: not in each prompt; tool_search finds it. Default false. */
  isRare?: boolean;
  /** True: when a restart cut it off it is run again, whatever its effect, since its own calls come from the journal. Default false. */
  isResumable?: boolean;
  /** Whether it is offered in this turn. Default: always. Should be stable within a session, for the prompt cache. */
  available?(at: { role: Role; address: Address }): boolean;
  /** Short line shown to the person while it runs. */
  summarize(args: Args): string;
  /** May reject: the dispatcher tells the model. */
  execute(args: Args, context: ToolContext): Promise<ToolResult>;
}

/** A call whose arguments have passed the tool's schema. */
export interface PreparedCall {
  summary: string;
  /** Canonical JSON of the arguments: what is approved and compared. */
  canonical: string;
  timeoutMs: number | undefined;
  assess(at: AssessAt): Assessment;
  execute(context: ToolContext): Promise<ToolResult>;
}

/** A tool with its argument type closed over. */
export interface Tool extends Pick<ToolDefinition<unknown>, 'name' | 'effect' | 'origin' | 'toolset'> {
  isRare: boolean;
  isResumable: boolean;
  readsWorkspace: boolean;
  schema: ToolSchema;
  available(at: { role: Role; address: Address }): boolean;
  /** Checks arguments; `problem` is for the model. */
  prepare(args: unknown): { ok: true; call: PreparedCall } | { ok: false; problem: string };
}

/** Makes a tool of its definition; the JSON schema is computed here, once. */
export function defineTool<Args>(definition: ToolDefinition<Args>): Tool {
  const touches = definition.touches ?? (definition.effect === 'pure' ? [] : ['people']);
  return {
    name: definition.name,
    effect: definition.effect,
    origin: definition.origin,
    toolset: definition.toolset,
    isRare: definition.isRare ?? false,
    isResumable: definition.isResumable ?? false,
    readsWorkspace: definition.readsWorkspace ?? false,
    schema: {
      name: definition.name,
      description: definition.description,
      parameters: parametersSchema(definition.parameters),
    },
    available: (at) => definition.available?.(at) ?? true,
    prepare(args) {
      const parsed = definition.parameters.safeParse(args);
      if (!parsed.success) return { ok: false, problem: describeIssues(parsed.error) };
      const value = parsed.data;
      return {
        ok: true,
        call: {
          summary: definition.summarize(value),
          canonical: canonicalJson(value),
          timeoutMs: definition.timeoutMs?.(value),
          assess: (at) => definition.assess?.(value, at) ?? { effect: definition.effect, touches },
          execute: (context) => definition.execute(value, context),
        },
      };
    },
  };
}

const jsonObject = z.record(z.string(), z.json());

function parametersSchema(schema: z.ZodType): { [key: string]: JsonValue } {
  const { $schema: _version, ...rest } = jsonObject.parse(z.toJSONSchema(schema, { io: 'input' }));
  return jsonObject.parse(withoutLimits(rest));
}

/** Limits that no sensible call passes are checked, but not shown: they would cost tokens in each request. */
const UNSHOWN: ReadonlySet<string> = new Set(['minLength', 'maxLength', 'minItems', 'maxItems']);
/** Nobody asks for less than nothing, or for more than so many. */
const LEAST: ReadonlySet<unknown> = new Set([0, 1, Number.MIN_SAFE_INTEGER]);
const MOST = 100_000;

function withoutLimits(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(withoutLimits);
  if (typeof value !== 'object' || value === null) return value;
  const isPlain = (name: string, inner: JsonValue | undefined) =>
    (UNSHOWN.has(name) && typeof inner === 'number') ||
    // What is not said of others means that anything goes.
    (name === 'additionalProperties' && (inner === false || isEmpty(inner))) ||
    (name === 'minimum' && LEAST.has(inner)) ||
    (name === 'maximum' && typeof inner === 'number' && inner >= MOST);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) =>
      inner === undefined || isPlain(name, inner) ? [] : [[name, withoutLimits(inner)]],
    ),
  );
}

function isEmpty(value: JsonValue | undefined): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 8)
    .map((issue) => `${issue.path.length === 0 ? 'arguments' : issue.path.join('.')}: ${issue.message}`)
    .join('; ');
}

/** JSON with sorted keys, so that equal arguments are equal text. */
export function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
        : inner,
    ) ?? 'null'
  );
}
