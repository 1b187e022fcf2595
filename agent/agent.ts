// The agent as the gateway sees it. Everything that it needs comes in here.
import type { Db } from '../data/db.ts';
import type { Clock } from '../shared/clock.ts';
import type { Logger } from '../shared/log.ts';
import { makeMeter, type Meter } from './budget/meter.ts';
import { compressHistory } from './context/compress.ts';
import { contextTokensOf } from './context/window.ts';
import { makeModelList } from './models.ts';
import type { AgentPort } from './port.ts';
import { listPersonalities } from './prompt/personalities.ts';
import { callModel } from './providers/fallback.ts';
import { limitsOf, type AgentSettings } from './settings.ts';
import type { ApprovalPort } from './tools/dispatcher.ts';
import { TOOLS } from './tools/registry.ts';
import type { Tool, ToolPorts } from './tools/tool.ts';
import { runTurn } from './turn.ts';

/** What reaches the agent as ports, because other folders own it. */
export type AgentPorts = ToolPorts & ApprovalPort;

export interface AgentInput {
  db: Db;
  clock: Clock;
  /** 0 to 1, for the jitter of retries. */
  random: () => number;
  log: Logger;
  /** Asked at the start of each turn. */
  settings(): AgentSettings;
  ports: AgentPorts;
  /** Masks secrets in tool results and answers. */
  redact(text: string): string;
  /** Default: the registry. */
  tools?: readonly Tool[];
}

/** What the parts of the agent share. */
export interface AgentParts extends Required<AgentInput> {
  meter: Meter;
}

export function openAgent(input: AgentInput): AgentPort {
  const meter = makeMeter({
    db: input.db,
    clock: input.clock,
    random: input.random,
    callModel,
    settings: () => input.settings(),
  });
  const parts: AgentParts = { ...input, tools: input.tools ?? TOOLS, meter };
  return {
    ...makeModelList(() => parts.settings(), parts.log),
    run: (turn, signal) => runTurn(parts, turn, signal),
    compress(scope, session, _person, signal) {
      const settings = parts.settings();
      const { chain } = settings.models;
      const [first] = chain;
      const window = first ? (limitsOf(settings, first).contextTokens ?? contextTokensOf(first.model)) : 0;
      return compressHistory({
        db: parts.db,
        scope,
        session,
        log: parts.log,
        maxChars: Math.max(4_000, Math.floor(window / 2)),
        ask: (request) =>
          meter.call({
            scope,
            session,
            turn: undefined,
            cause: 'compress',
            chain,
            request: { ...request, cacheKey: `${session}.compress` },
            signal,
          }),
      });
    },
    personalities: () =>
      listPersonalities(parts.settings().personalities).map(({ name, description }) => ({ name, description })),
  };
}
