// The agent as the gateway sees it. Everything that it needs comes in here.
import { askAuxiliary, sampleText, type AuxiliaryRequest } from './auxiliary.ts';
import { extendBudget } from './budget/extend.ts';
import { makeMeter, type Meter } from './budget/meter.ts';
import { makeCalibration } from './context/calibration.ts';
import { compressHistory } from './context/compress.ts';
import { makeWorkspaceInstructions } from './context/files/instructions.ts';
import { makeCompactionGuard } from './context/guard.ts';
import { makeKnowledge } from './knowledge.ts';
import { makeUndo } from './checkpoints/of-turns.ts';
import type { SamplingReply, SamplingRequest } from './mcp/ports.ts';
import type { Memory } from './memory/memory.ts';
import { openAgentMemory } from './memory/open.ts';
import { makeMemorySource } from './memory/source.ts';
import { makeModelList } from './models.ts';
import type { AgentInput, AgentParts } from './parts.ts';
import type { AgentPort } from './port.ts';
import { contextBill } from './prompt/bill.ts';
import { windowOf } from './prompt/frame.ts';
import { listPersonalities } from './prompt/personalities.ts';
import { callModel } from './providers/fallback.ts';
import { describeTools } from './tools/offered.ts';
import { makeOwnTools, TOOLS } from './tools/registry.ts';
import { makeJobRunner } from './subagents/jobs.ts';
import { makeTaskRunner } from './subagents/runner.ts';
import { compileRule, widenRule } from './policy/compile-rule.ts';
import { describeSpecs, writeSpecs } from './policy/rules.ts';
import { auxiliaryChain } from './routing.ts';
import { runTurn } from './turn.ts';

/** With what the composition needs besides. */
export interface OpenedAgent extends AgentPort {
  /** A text for an MCP server, paid by whoever called it. Rejects with AppError. */
  sample(request: SamplingRequest, signal: AbortSignal): Promise<SamplingReply>;
  /** The one way to call a model, for tools that do. */
  meter: Meter;
  memory: Memory;
}

export function openAgent(input: AgentInput): OpenedAgent {
  const meter = makeMeter({
    db: input.db,
    clock: input.clock,
    random: input.random,
    callModel,
    settings: () => input.settings(),
    turnCap: (turn) => jobs.capOf(turn),
  });
  const jobs = makeJobRunner({ runTurn, parts: () => parts });
  const runner = makeTaskRunner({ runTurn, parts: () => parts });
  const memory = input.memory ?? openAgentMemory(input);
  const own = makeOwnTools({ runner, memory, settings: () => input.settings() });
  const others = input.tools ?? (async () => TOOLS);
  const tools = async () => [...(await others()), ...own];
  const parts: AgentParts = {
    ...input,
    tools,
    meter,
    calibration: makeCalibration(),
    guard: makeCompactionGuard(input.clock),
    instructions: makeWorkspaceInstructions(),
    knowledge: makeKnowledge([makeMemorySource({ db: input.db, memory }), ...(input.knowledge ?? [])], input.log),
  };
  return {
    ...makeModelList(() => parts.settings(), parts.log),
    run: (turn, signal) => runTurn(parts, turn, signal),
    jobs,
    skills: input.skills,
    async compileRule({ scope, session }, words, signal) {
      const { demo } = parts.settings().models;
      const call = { scope, session, turn: undefined, cause: 'rule' };
      const ask = (request: AuxiliaryRequest) => askAuxiliary(parts, call, request, signal);
      const plain = compileRule(words);
      const names = (await tools()).map((tool) => tool.name);
      const rule = demo ? plain : await widenRule(plain, names, ask);
      return {
        words: rule.words,
        verdict: rule.verdict,
        spec: writeSpecs(rule.specs),
        about: describeSpecs(rule.specs),
      };
    },
    ...makeUndo(input),
    memory,
    extendBudget: (scope, cap) => extendBudget(input.db, scope, cap, input.settings()),
    resumeWorker: (task, place) => runner.start(task, place),
    stopWorker: (scope, id) => runner.stop(scope, id),
    turnEnded: (turn) => parts.knowledge.ended(turn),
    sessionLeft: (at) => parts.knowledge.left(at),
    async close() {
      await runner.close();
      await parts.knowledge.close();
    },
    async compress(scope, session, { focus }, signal) {
      const settings = parts.settings();
      const call = { scope, session, turn: undefined, cause: 'compress' };
      await parts.knowledge.compressing({ scope, session });
      const done = await compressHistory({
        ...parts,
        scope,
        session,
        focus,
        windowTokens: windowOf(settings, settings.models.chain),
        readableTokens: windowOf(settings, auxiliaryChain(settings)),
        isAsked: true,
        ask: settings.models.demo ? undefined : (request) => askAuxiliary(parts, call, request, signal),
      });
      await parts.knowledge.compressed({ scope, session });
      return done;
    },
    describeContext: (question) => contextBill(parts, question),
    async describeTools(question) {
      const known = describeTools(await tools(), input.settings().tools, question);
      return { tools: known, notes: (await input.toolNotes?.()) ?? [] };
    },
    meter,
    sample: (request, signal) => sampleText(parts, request, signal),
    personalities: () =>
      listPersonalities(parts.settings().personalities).map(({ name, description }) => ({ name, description })),
  };
}
