// The skills of the agent put together: library, index, tools and what the gateway may do, from one set of parts.
import type { Db } from '../../data/db.ts';
import type { OpenedLibrary } from '../../skills/library.ts';
import type { KnowledgeSource } from '../knowledge.ts';
import type { SkillToolPorts } from '../tools/skills/ports.ts';
import { makeSkillTools } from '../tools/skills/skill-tools.ts';
import type { Tool } from '../tools/tool.ts';
import { invokeSkills } from './invoke.ts';
import type { SkillsPort } from './port.ts';
import { describeProposal } from './proposal.ts';
import { makeSkillsSource } from './source.ts';
import type { SkillSurroundingsInput } from './visible.ts';

export interface SkillsInput extends SkillSurroundingsInput, SkillToolPorts {
  db: Db;
  library: OpenedLibrary;
  /** Folder of bundles. */
  bundles: string;
}

export interface AgentSkills {
  port: SkillsPort;
  source: KnowledgeSource;
  tools: readonly Tool[];
}

export function makeAgentSkills(input: SkillsInput): AgentSkills {
  const { library } = input;
  return {
    port: {
      ...library,
      invoke: (at, text) => invokeSkills(input, at, text),
      describeProposal: async (scope, revision) => describeProposal(revision, await library.diff(scope, revision.id)),
    },
    source: makeSkillsSource(input),
    tools: makeSkillTools({ ...input, library: () => library }),
  };
}
