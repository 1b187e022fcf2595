// The agent as the gateway sees it. Everything that it needs comes in here.
import { makeMeter } from './budget/meter.ts';
import { compressHistory } from './context/compress.ts';
import { contextTokensOf } from './context/window.ts';
import { makeModelList } from './models.ts';
import type { AgentInput, AgentParts } from './parts.ts';
import type { AgentPort } from './port.ts';
import { listPersonalities } from './prompt/personalities.ts';
import { callModel } from './providers/fallback.ts';
import { limitsOf } from './settings.ts';
import { makeOwnTools, TOOLS } from './tools/registry.ts';
import { makeTaskRunner } from './subagents/runner.ts';
import { compileRule, widenRule } from './policy/compile-rule.ts';
import { describeSpecs, writeSpecs } from './policy/rules.ts';
import type { ModelRequest } from './providers/types.ts';
import { runTurn } from './turn.ts';

export function openAgent(input: AgentInput): AgentPort {
  const meter = makeMeter({
    db: input.db,
    clock: input.clock,
    random: input.random,
    callModel,
    settings: () => input.settings(),
  });
  const runner = makeTaskRunner({ runTurn, parts: () => parts });
  const own = makeOwnTools({ runner, settings: () => input.settings() });
  const others = input.tools ?? (async () => TOOLS);
  const tools = async () => [...(await others()), ...own];
  const parts: AgentParts = { ...input, tools, meter };
  return {
    ...makeModelList(() => parts.settings(), parts.log),
    run: (turn, signal) => runTurn(parts, turn, signal),
    async compileRule({ scope, session }, words, signal) {
      const { chain, demo } = parts.settings().models;
      const ask = (request: Pick<ModelRequest, 'system' | 'messages' | 'tools' | 'maxOutputTokens'>) =>
        meter.call({
          scope,
          session,
          turn: undefined,
          cause: 'rule',
          chain,
          request: { ...request, cacheKey: `${session}.rule` },
          signal,
        });
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
    resumeWorker: (task, place) => runner.start(task, place),
    stopWorker: (scope, id) => runner.stop(scope, id),
    close: () => runner.close(),
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
