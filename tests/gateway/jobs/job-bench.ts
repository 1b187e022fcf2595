// Jobs in a gateway with two platforms in memory, on a clock that the test turns: what agent, machine and policy do is said by the test.
import type { AgentJob, AgentJobEnd } from '../../../agent/port.ts';
import { personScope, type Scope } from '../../../data/scope.ts';
import type { ScriptVerdict } from '../../../gateway/jobs/checks.ts';
import { openJobs, type Jobs } from '../../../gateway/jobs/open.ts';
import type { ScriptEnd } from '../../../gateway/jobs/run.ts';
import type { Actor, JobDraft, JobHandler, Occurrence, Script } from '../../../scheduler/types.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { makeFakePlatform, type FakePlatform } from '../../support/fake-platform.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../../support/gateway.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const PERSON: Actor = { role: 'owner', by: 'person' };
export const AGENT: Actor = { role: 'owner', by: 'agent' };

/** What the parts around jobs do next. */
export interface Acts {
  agent(job: AgentJob, signal: AbortSignal): Promise<AgentJobEnd>;
  script(script: Script, signal: AbortSignal): Promise<ScriptEnd>;
  assess(script: Script): ScriptVerdict;
  isThere(path: string): boolean;
  missingSkill: string | undefined;
  /** Whether models can be asked. */
  hasKey: boolean;
  handlers: Map<string, JobHandler>;
  /** Messages to the second platform do not come back from now on. */
  stall: { arrives: boolean; begun: number } | undefined;
}

export interface JobBench {
  gateway: TestGateway;
  platform: FakePlatform;
  other: FakePlatform;
  jobs: Jobs;
  scope: Scope;
  acts: Acts;
  /** A job that is due in ten minutes and sends 'a result'. */
  create(more?: Partial<JobDraft>, actor?: Actor): Promise<{ id: string; state: string; warnings: readonly string[] }>;
  /** Lets time pass, and all that is due by then happen. */
  pass(ms?: number): Promise<void>;
  runs(): Promise<readonly Occurrence[]>;
  /** Of both platforms, in order. */
  texts(): readonly string[];
  /** As a kill would. Resolves with what the next start needs. */
  crash(): Promise<{ home: string; clock: FakeClock }>;
  close(): Promise<void>;
}

export function saidBy(text: string, more: Partial<AgentJobEnd> = {}): AgentJobEnd {
  return { state: 'done', text, files: [], origin: 'agent', costMicroUsd: 5, tokens: 7, ...more };
}

export const exitOf = (output: string, code = 0): ScriptEnd => ({ code, ended: 'exit', output, hadNetwork: false });

export async function openJobBench(
  from?: { home: string; clock: FakeClock; scope: Scope; acts: Acts },
  voice?: TestGatewayOptions['voice'],
): Promise<JobBench> {
  const platform = makeFakePlatform();
  const acts: Acts = from?.acts ?? {
    agent: async () => saidBy('an answer'),
    script: async () => exitOf('out'),
    assess: () => ({ isOutside: false }),
    isThere: () => true,
    missingSkill: undefined,
    hasKey: true,
    stall: undefined,
    handlers: new Map<string, JobHandler>([['say', async () => ({ text: 'a result' })]]),
  };
  const other = stallable(makeFakePlatform({ id: 'other' }), acts);
  const gateway = await openTestGateway({
    platforms: [platform, other],
    ...(from && { home: from.home, clock: from.clock }),
    ...(voice && { voice }),
  });
  const scope = from?.scope ?? personScope((await gateway.pair(platform, 'ann')).id);
  if (!from) {
    await platform.say('hello');
    await gateway.settle();
  }
  const jobs = open(gateway, acts);
  gateway.core.onSettled(() => void jobs.settle());
  await jobs.settle();
  await jobs.runner.start();
  return {
    gateway,
    platform,
    other,
    jobs,
    scope,
    acts,
    async create(more = {}, actor = PERSON) {
      const draft = { when: 'in 10 minutes', work: { kind: 'builtin', name: 'say' }, name: 'report' } as const;
      const { job, plan } = await jobs.service.create(scope, actor, { ...draft, origin: platform.address(), ...more });
      return { id: job.id, state: job.state, warnings: plan.warnings };
    },
    async pass(ms = 11 * MINUTE) {
      await gateway.clock.advance(ms);
      await gateway.settle();
    },
    runs: () => jobs.service.runs(scope, { limit: 50 }),
    texts: () => [...platform.texts(), ...other.texts()],
    async crash() {
      return { home: await gateway.crash(), clock: gateway.clock };
    },
    async close() {
      await jobs.runner.stop();
      await gateway.close();
    },
  };
}

function open(gateway: TestGateway, acts: Acts): Jobs {
  return openJobs({
    db: gateway.db,
    clock: gateway.clock,
    log: silentLog,
    agent: {
      resolveModel(name) {
        if (!acts.hasKey) throw new AppError('model_auth', `There is no key for ${name}.`);
        return name;
      },
      describeTools: async () => ({
        tools: ['clock', 'shell'].map((name) => ({ name, toolset: name, description: '', state: 'prompt' as const })),
        notes: [],
      }),
      jobs: {
        run: async (job, signal) => {
          const prompt = await job.prompt(signal);
          return prompt ? acts.agent(job, signal) : saidBy('', { state: 'skipped' });
        },
      },
    },
    poster: gateway.core.poster,
    speech: gateway.core.speech,
    platforms: gateway.core.platforms,
    dmScope: 'person',
    timezone: () => 'UTC',
    scriptTool: 'shell',
    isAlone: true,
    assessScript: async (_scope, script) => acts.assess(script),
    runScript: (_at, script, signal) => acts.script(script, signal),
    hasFile: async (_at, path) => acts.isThere(path),
    missingSkill: async () => acts.missingSkill,
    handlers: acts.handlers,
  });
}

/** The same platform, whose sends hang when the test says so. */
function stallable(platform: FakePlatform, acts: Acts): FakePlatform {
  const { account } = platform;
  return {
    ...platform,
    account: {
      ...account,
      async load() {
        const adapter = await account.load();
        return {
          ...adapter,
          async send(to, message, signal) {
            if (!acts.stall) return adapter.send(to, message, signal);
            if (acts.stall.arrives) await adapter.send(to, message, signal);
            acts.stall.begun++;
            return new Promise(() => {});
          },
        };
      },
    },
  };
}
