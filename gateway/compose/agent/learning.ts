// What the agent learns by, put together: skills, the model of the person, looking back, evidence, services that remember.
import type { OpenedAgent } from '../../../agent/agent.ts';
import type { AgentSettings } from '../../../agent/settings.ts';
import type { FileAccess } from '../../../agent/tools/files/access.ts';
import type { Tool } from '../../../agent/tools/tool.ts';
import type { LoadedConfig } from '../../../config/load.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { listDmChats } from '../../../data/process/chats.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { Core } from '../../core.ts';
import { openConfiguredEvidence } from '../evidence.ts';
import { openMemoryServices } from '../memory-providers.ts';
import { makeConfiguredProfile } from '../profile.ts';
import { openConfiguredReviews } from '../review.ts';
import { openConfiguredSkills } from '../skills.ts';

export interface LearningInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  redactor: Redactor;
  /** As it was at the start, for what is changed by `reload` of the services. */
  loaded: LoadedConfig;
  /** As it is now. */
  current(): LoadedConfig;
  settings(): AgentSettings;
  core(): Core;
  /** The agent, which is built after all this. */
  port(): Pick<OpenedAgent, 'meter' | 'memory'>;
  files(): Promise<FileAccess>;
  tools(): Promise<readonly Tool[]>;
}

export function openLearning(input: LearningInput) {
  const { db, clock, log, settings } = input;
  const actions = () => input.core().actions;
  const meter = () => input.port().meter;
  const skills = openConfiguredSkills({
    db,
    clock,
    loaded: input.current,
    actions,
    files: input.files,
    condemn: (scope, revision, findings) => evidence.condemn(scope, revision, findings),
  });
  const profile = makeConfiguredProfile({ db, log, meter, agentSettings: settings });
  const reviews = openConfiguredReviews({
    db,
    clock,
    log,
    revise: profile.revise,
    loaded: input.current,
    agentSettings: settings,
    meter,
    memory: () => input.port().memory,
    skills: () => skills.library,
    redact: (text) => input.redactor.redact(text),
    actions,
  });
  const evidence = openConfiguredEvidence({
    db,
    clock,
    log,
    library: skills.library,
    actions,
    agent: { meter, settings, tools: input.tools },
  });
  const services = openMemoryServices({
    ...input,
    async tell({ person }, { text, key }) {
      // Where the person was last: what a service knows of a group, too, is told to who wanted it forgotten.
      const [chat] = await listDmChats(db, person);
      if (chat) await actions().post(chat.address, text, { key, person, kind: 'notice' });
      else log.warn({}, 'a memory service did not forget, and there is no chat in which to tell its person');
    },
  });
  return {
    skills,
    reviews,
    evidence,
    services,
    /** In the order of the prompt. */
    sources: [profile.source, skills.source, reviews.source, services.source, evidence.source],
  };
}
