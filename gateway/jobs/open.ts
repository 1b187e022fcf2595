// Everything that runs jobs, put together. Loaded when there is a first job: schedules and their parsers are not light.
import { randomUUID } from 'node:crypto';
import type { AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { Runner } from '../../scheduler/ports.ts';
import { openRunner } from '../../scheduler/runner.ts';
import type { JobService } from '../../scheduler/types.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { Poster } from '../outbox.ts';
import type { Platforms } from '../platforms.ts';
import type { CheckPorts } from './checks.ts';
import type { DraftPorts } from './draft.ts';
import { makeJobDelivery, type JobDeliveryPorts } from './delivery.ts';
import { makeJobRun, type JobRunPorts } from './run.ts';
import { makeJobService } from './service.ts';
import { makeTargets } from './targets.ts';

/** Runs at the same time: of all people, and of one. */
const LIMITS = { parallel: 4, perPerson: 2 };

export interface JobsInput
  extends
    Pick<JobRunPorts, 'runScript' | 'hasFile' | 'missingSkill' | 'handlers'>,
    Pick<DraftPorts, 'timezoneOf' | 'defaults'>,
    Pick<CheckPorts, 'assessScript'>,
    Pick<JobDeliveryPorts, 'speech'> {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  agent: Pick<AgentPort, 'jobs' | 'resolveModel' | 'describeTools'>;
  poster: Poster;
  platforms: Pick<Platforms, 'health'>;
  dmScope: 'person' | 'chat';
  /** IANA name: of schedules that name none. */
  timezone(): string;
  /** Name of the tool that runs commands. */
  scriptTool: string;
  /** Whether no other process can be running jobs of the same data. */
  isAlone: boolean;
}

export interface Jobs {
  service: JobService;
  runner: Runner;
  /** Messages may have reached their end. */
  settle(): Promise<void>;
}

export function openJobs(input: JobsInput): Jobs {
  const { db, clock, log, platforms } = input;
  const targets = makeTargets({
    db,
    isSetUp: (at) => platforms.health().some((one) => one.platform === at.platform && one.account === at.account),
    platforms: () => [...new Set(platforms.health().map(({ platform }) => platform))],
  });
  const delivery = makeJobDelivery({ ...input, targets });
  const runner = openRunner({
    db,
    clock,
    log,
    owner: randomUUID(),
    isAlone: input.isAlone,
    limits: LIMITS,
    run: makeJobRun({ ...input, targets }),
    result: delivery.result,
    notice: delivery.notice,
  });
  const service = makeJobService({ ...input, targets, runner });
  return { service, runner, settle: () => delivery.settle() };
}
