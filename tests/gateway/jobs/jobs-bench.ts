// A gateway with a platform in memory and jobs: commands are typed in its chat, and what the model would answer to jobs is said by the test.
import { personScope, type Scope } from '../../../data/scope.ts';
import type { Person } from '../../../data/process/people.ts';
import { getPersonSettings } from '../../../data/process/person-settings.ts';
import type { AgentJob, AgentJobEnd } from '../../../agent/port.ts';
import { openJobs, type Jobs } from '../../../gateway/jobs/open.ts';
import type { JobDefaults } from '../../../scheduler/config.ts';
import type { JobService } from '../../../scheduler/types.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakePlatform, type FakePlatform } from '../../support/fake-platform.ts';
import { openTestGateway, type TestGateway } from '../../support/gateway.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export interface JobsBench {
  gateway: TestGateway;
  platform: FakePlatform;
  person: Person;
  scope: Scope;
  service: JobService;
  /** Prompts that the model was given, in order. */
  asked: { text: string; job: AgentJob }[];
  /** What it answers, in order; then "fine". */
  answers: (string | Partial<AgentJobEnd>)[];
  /** Whether files of conditions are there. */
  hasFile: boolean;
  defaults: Partial<JobDefaults>;
  /** Sends a message and gives what came back for it, joined. */
  say(text: string): Promise<string>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function openJobsBench(options: { tools?: readonly string[] } = {}): Promise<JobsBench> {
  const platform = makeFakePlatform();
  const built: { jobs?: Jobs } = {};
  const jobs = () => {
    if (!built.jobs) throw new Error('not there yet');
    return built.jobs;
  };
  const gateway = await openTestGateway({ platforms: [platform], jobs: () => jobs().service });
  const person = await gateway.pair(platform, 'ann');
  const { db, clock, core } = gateway;
  const tools = options.tools ?? ['clock', 'web_search', 'shell', 'schedule', 'send_message'];
  const bench: JobsBench = {
    gateway,
    platform,
    person,
    scope: personScope(person.id),
    get service() {
      return jobs().service;
    },
    asked: [],
    answers: [],
    hasFile: true,
    defaults: {},
    async say(text) {
      const before = platform.sent.length;
      await platform.say(text, { sentAt: clock.now() });
      await clock.advance(2_000);
      await gateway.settle();
      return platform.sent
        .slice(before)
        .map((part) => part.text)
        .join('\n');
    },
    async pass(ms) {
      await clock.advance(ms);
      await gateway.settle();
    },
    async close() {
      await jobs().runner.stop();
      await gateway.close();
    },
  };
  built.jobs = openJobs({
    db,
    clock,
    log: silentLog,
    agent: {
      resolveModel: (name) => name,
      describeTools: async () => ({
        tools: tools.map((name) => ({ name, toolset: name, description: '', state: 'prompt' as const })),
        notes: [],
      }),
      jobs: {
        async run(job, signal) {
          const prompt = await job.prompt(signal);
          const none = { text: '', files: [], origin: 'agent', costMicroUsd: 0, tokens: 0 } as const;
          if (!prompt) return { ...none, state: 'skipped' };
          bench.asked.push({ text: prompt.text, job });
          const answer = bench.answers.shift() ?? 'fine';
          const said = typeof answer === 'string' ? { text: answer } : answer;
          return { ...none, costMicroUsd: 100_000, tokens: 10, state: 'done', ...said };
        },
      },
    },
    poster: core.poster,
    platforms: core.platforms,
    dmScope: 'person',
    timezone: () => 'UTC',
    timezoneOf: async (id) => (await getPersonSettings(db, id)).timezone,
    defaults: () => bench.defaults,
    scriptTool: 'shell',
    isAlone: true,
    assessScript: async () => ({ forbidden: undefined, risk: undefined, isOutside: false }),
    runScript: async () => ({ code: 0, ended: 'exit', output: '', hadNetwork: false }),
    hasFile: async () => bench.hasFile,
    missingSkill: async () => undefined,
    handlers: new Map(),
  });
  core.onSettled(() => void jobs().settle());
  await jobs().runner.start();
  await bench.say('hello');
  return bench;
}
