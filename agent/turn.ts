// One turn from its inputs to its result: puts journal, conversation, tools and loop together, and says in words how it ended.
import { sha256Hex } from '../shared/digest.ts';
import { asAppError, type AppError } from '../shared/errors.ts';
import type { Origin } from '../shared/messages.ts';
import { listRules } from '../data/policy/rules.ts';
import { askAuxiliary } from './auxiliary.ts';
import type { MeteredCall } from './budget/meter.ts';
import { BudgetError } from './budget/refusal.ts';
import type { AgentParts } from './parts.ts';
import { inputText, presentSpoken, type PresentOptions } from './context/present.ts';
import { readReferences } from './context/files/references.ts';
import { isForwarded } from './context/others.ts';
import { openConversation, type Conversation } from './conversation.ts';
import { openTurnJournal, steerKey } from './journal.ts';
import { makeJudge, type JudgeInput } from './policy/judge.ts';
import type { TurnPolicy } from './policy/permission.ts';
import { readRule } from './policy/rules.ts';
import { openSeenAddresses, type SeenAddresses } from './policy/seen.ts';
import { runLoop, type Arrival, type CallReport, type LoopResult } from './loop.ts';
import type { AgentTurn, TranscriptEntry, TurnInput, TurnResult } from './port.ts';
import type { ModelMessage } from './providers/types.ts';
import type { AgentSettings } from './settings.ts';
import { makeDispatcher } from './tools/dispatcher.ts';
import { promptTools } from './tools/find-tools.ts';
import { namesOfTools, offeredTools, switchedOff } from './tools/offered.ts';
import type { Tool, ToolContext } from './tools/tool.ts';

/** What speaks to the person, or remembers for them, is for whoever speaks with them. */
const NOT_FOR_WORKERS = ['send_message', 'clarify', 'memory', 'todo', 'skill_manage'];

/** Nobody is there to answer, and its answer is what is delivered. */
const NOT_FOR_JOBS = ['send_message', 'clarify', 'todo'];
/** Of their own, whoever they work for. */
const FOR_ALL_WORKERS = ['board'];
const MEMORY_TOOLS = ['memory', 'recall', 'session_search'];

function keptFrom({ worker }: AgentTurn): readonly string[] {
  if (!worker?.isJob) return worker ? NOT_FOR_WORKERS : [];
  return worker.knowsPerson === true ? NOT_FOR_JOBS : [...NOT_FOR_JOBS, ...MEMORY_TOOLS];
}

/** Runs a turn. Never rejects; resolves within a second of `signal` aborting. */
export async function runTurn(parts: AgentParts, turn: AgentTurn, signal: AbortSignal): Promise<TurnResult> {
  let open = true;
  const emit: AgentTurn['emit'] = (event) => {
    // A model or tool that outlives its turn must not write into the display of the next one.
    if (open) turn.emit(event);
  };
  try {
    return await run(parts, await withChatSkills(parts, { ...turn, emit }), signal);
  } catch (error) {
    if (signal.aborted)
      return { end: 'stopped', text: 'Stopped.', files: [], transcript: spokenEntries(turn.inputs, false) };
    return failedEarly(parts, turn, asAppError(error));
  } finally {
    open = false;
  }
}

/** Who is near a limit is told so once a day, in the chat where it happens. */
function withWarnings(parts: AgentParts, turn: AgentTurn): AgentParts {
  const onWarning: MeteredCall['onWarning'] = ({ cap, dayStart, text }) => {
    const key = sha256Hex(`budget ${cap} ${dayStart} ${turn.person}`, 40);
    parts.ports
      .sendMessage({ to: turn.address, text, key, scope: turn.scope })
      .catch((error: unknown) => parts.log.warn({ err: error }, 'a warning of the budget was not told'));
  };
  return { ...parts, meter: { call: (call) => parts.meter.call({ ...call, onWarning }) } };
}

function failedEarly(parts: AgentParts, turn: AgentTurn, error: AppError): TurnResult {
  logFailure(parts, turn, error);
  const transcript = spokenEntries(turn.inputs, false);
  return { end: 'failed', text: error.publicMessage, files: [], transcript, errorCode: error.code };
}

async function run(outer: AgentParts, turn: AgentTurn, signal: AbortSignal): Promise<TurnResult> {
  const parts = withWarnings(outer, turn);
  const settings = await settingsOf(parts, turn);
  const chain = turn.model === undefined ? settings.models.chain : settings.chooseModel(turn.model);
  const off = [...switchedOff(settings.tools, turn, turn.disabledTools), ...keptFrom(turn)];
  const { within } = turn.worker ?? {};
  const tools = offeredTools(await parts.tools(), { off, only: turn.worker?.tools }, turn).filter(
    ({ name }) => !within || within.includes(name) || FOR_ALL_WORKERS.includes(name),
  );
  const direct = turn.worker && !turn.worker.isJob ? ['board', ...(turn.worker.tools ?? [])] : [];
  const journal = await openTurnJournal(parts.db, turn.scope, turn.id, turn.resumed);
  const conversation = await openConversation({
    parts,
    settings,
    turn,
    chain,
    tools: promptTools(tools, direct).map((tool) => tool.schema),
    toolNames: namesOfTools(tools),
    emit: turn.emit,
    signal,
  });
  const { origins } = conversation;
  if (turn.worker?.tainted) origins.add('foreign');
  const arrive = async (inputs: readonly TurnInput[], steered: boolean) =>
    arrival(await withReferences(parts, turn, inputs, { conversation, signal }), {
      present: conversation.present,
      steered,
      origins,
    });
  // After a restart the turn's rows hold the steered ones too; they come in where they came in before.
  const later = new Set(journal.allSteered().map((input) => input.inbox));
  const opening = await arrive(
    turn.inputs.filter((input) => !later.has(input.inbox)),
    false,
  );
  const seen = openSeenAddresses(() => [...conversation.past(), ...opening.messages]);
  const dispatcher = makeDispatcher({
    tools,
    direct,
    journal,
    approvals: parts.ports,
    policy: await policyOf(parts, turn, seen),
    context: {
      listOwnChats: (scope) => parts.ports.listOwnChats(scope),
      sendMessage: (message) => parts.ports.sendMessage(message),
      db: parts.db,
      clock: parts.clock,
      scope: turn.scope,
      role: turn.role,
      session: turn.session,
      turn: turn.id,
      address: turn.address,
      timezone: settings.timezone,
      workspace: settings.workspaceOf(turn.scope),
      chatSkills: turn.chatSkills,
      tree: turn.worker ?? { root: turn.id, task: undefined, name: 'Herald', depth: 0 },
      condense: condenserOf(parts, turn),
    },
    origins,
    limits: settings.tools,
    redact: (text) => parts.redact(text),
    emit: turn.emit,
    log: parts.log,
    signal,
  });
  const result = await runLoop(
    {
      callModel: ({ messages, withTools }) => conversation.ask(messages, withTools),
      runTool: (key, call) => dispatcher.run(key, call),
      isParallel: (call) => dispatcher.isParallel(call),
      mustAsk: (call) => dispatcher.mustAsk(call),
      journal,
      async steer(step, replay) {
        const inputs = journal.steered(step) ?? (replay ? [] : await turn.steer(steerKey(step)));
        if (inputs.length === 0) return undefined;
        for (const { text } of inputs) {
          seen.note(text);
          conversation.note(text);
        }
        return arrive(inputs, true);
      },
      emit: turn.emit,
      clock: parts.clock,
      signal,
    },
    {
      opening,
      maxIterations: turn.worker && !turn.worker.isJob ? settings.workers.maxIterations : settings.maxIterations,
      maxParallel: settings.tools.maxParallel,
    },
  );
  return turnResult(parts, turn, { result, tools });
}

/** A worker or job knows the skills that its chat lets anybody know, and those that it was given by name. */
async function withChatSkills({ ports }: AgentParts, turn: AgentTurn): Promise<AgentTurn> {
  if (!turn.worker || !ports.chatSkillsOf) return turn;
  return { ...turn, chatSkills: { ...(await ports.chatSkillsOf(turn.address)), ...turn.chatSkills } };
}

/** As configured, in the time zone of the person. */
async function settingsOf({ settings, ports }: AgentParts, { scope }: AgentTurn): Promise<AgentSettings> {
  const configured = settings();
  return { ...configured, timezone: (await ports.timezoneOf?.(scope)) ?? configured.timezone };
}

async function policyOf(parts: AgentParts, turn: AgentTurn, seen: SeenAddresses): Promise<TurnPolicy> {
  const { approvals, models } = parts.settings();
  const call = {
    scope: turn.scope,
    session: turn.session,
    // Workers spend what their tree may spend.
    turn: turn.worker?.root ?? turn.id,
    cause: 'approval',
  };
  const ask: JudgeInput['ask'] = (request, signal) => askAuxiliary(parts, call, request, signal);
  return {
    mode: approvals.mode,
    rules: (await listRules(parts.db, turn.scope)).map(readRule),
    seen,
    sign: parts.sign,
    ...(approvals.mode === 'smart' &&
      !models.demo && { judge: makeJudge({ ask, clock: parts.clock, log: parts.log }) }),
  };
}

function condenserOf(parts: AgentParts, turn: AgentTurn): ToolContext['condense'] {
  if (parts.settings().models.demo) return undefined;
  const { scope, session, worker, id } = turn;
  const call = { scope, session, turn: worker?.root ?? id, cause: 'recall' };
  return async (instruction, text, signal) => {
    const request = {
      system: [{ text: instruction, cache: false }],
      messages: [{ role: 'user' as const, content: [{ type: 'text' as const, text }] }],
      tools: [],
      maxOutputTokens: 1_000,
    };
    return (await askAuxiliary(parts, call, request, signal)).text.trim();
  };
}

/** The inputs with what people refer to in them, as files. */
async function withReferences(
  parts: AgentParts,
  turn: AgentTurn,
  inputs: readonly TurnInput[],
  { conversation, signal }: { conversation: Conversation; signal: AbortSignal },
): Promise<readonly TurnInput[]> {
  const { references } = parts.ports;
  if (!references || turn.role === 'guest') return inputs;
  const workspace = parts.settings().workspaceOf(turn.scope);
  const { windowTokens, present } = conversation;
  const limits = { windowTokens, maxFileChars: present.maxFileChars };
  return Promise.all(
    inputs.map(async (input) => {
      // What is handed on is not the person's to point with.
      const isOwn = (input.origin === 'owner' || input.origin === 'member') && !isForwarded(input.text);
      if (!isOwn) return input;
      const read = await readReferences(input.text, references, { scope: turn.scope, workspace, limits, signal });
      return read.length === 0 ? input : { ...input, files: [...input.files, ...read] };
    }),
  );
}

async function arrival(
  inputs: readonly TurnInput[],
  options: { present: PresentOptions; steered: boolean; origins: Set<Origin> },
): Promise<Arrival> {
  const messages: ModelMessage[] = [];
  let images = 0;
  for (const input of inputs) {
    const spoken = { author: input.author, text: inputText(input), origin: input.origin, files: input.files };
    const maxImages = options.present.maxImages - images;
    const presented = await presentSpoken(spoken, { ...options.present, maxImages });
    images += presented.images;
    for (const origin of presented.origins) options.origins.add(origin);
    // In a group anybody may have written what is quoted.
    if (input.replyTo && options.present.group) options.origins.add('foreign');
    messages.push({ role: 'user', content: presented.parts });
  }
  return { messages, entries: spokenEntries(inputs, options.steered) };
}

function spokenEntries(inputs: readonly TurnInput[], steered: boolean): readonly TranscriptEntry[] {
  return inputs.map((input) => ({
    role: 'user',
    input: input.inbox,
    author: input.author,
    text: inputText(input),
    origin: input.origin,
    steered,
    files: input.files,
  }));
}

function turnResult(
  parts: AgentParts,
  turn: AgentTurn,
  end: { result: LoopResult; tools: readonly Tool[] },
): TurnResult {
  const { result, tools } = end;
  const transcript = result.transcript.map((entry) =>
    entry.role === 'assistant' ? { ...entry, text: parts.redact(entry.text) } : entry,
  );
  const base = { files: result.files, transcript };
  const effects = effectsText(result.calls, tools);
  switch (result.end) {
    case 'done':
      return { ...base, end: 'done', text: parts.redact(result.text) };
    case 'stopped':
      return { ...base, end: 'stopped', text: ['Stopped.', ...effects].join(' ') };
    case 'failed': {
      const error = asAppError(result.error);
      logFailure(parts, turn, error);
      const text = [parts.redact(result.text), error.publicMessage, effects.join(' ')];
      const buttons =
        error instanceof BudgetError ? [{ label: 'Extend for today', data: `/extend ${error.cap}` }] : undefined;
      return {
        ...base,
        end: 'failed',
        text: text.filter((part) => part !== '').join('\n\n'),
        errorCode: error.code,
        buttons,
      };
    }
  }
}

/** What stays changed although the turn did not get to its answer. */
function effectsText(calls: readonly CallReport[], tools: readonly Tool[]): readonly string[] {
  const changing = new Set(tools.filter((tool) => tool.effect !== 'pure').map((tool) => tool.name));
  const names = (state: CallReport['state']) =>
    calls.filter((call) => call.state === state && changing.has(call.name)).map((call) => `\`${call.name}\``);
  const done = names('done');
  const unknown = names('unknown');
  return [
    ...(done.length > 0 ? [`Already done: ${done.join(', ')}.`] : []),
    ...(unknown.length > 0 ? [`Cut off, and possibly done: ${unknown.join(', ')}.`] : []),
  ];
}

function logFailure(parts: AgentParts, turn: AgentTurn, error: AppError): void {
  parts.log.warn({ turn: turn.id, code: error.code, err: error }, 'turn failed');
}
