// An agent with skills: a library over temporary folders, a scripted model, files on this machine.
import path from 'node:path';
import { openAgent } from '../../../agent/agent.ts';
import type { AgentJob, AgentPort, AgentTurn, TurnResult } from '../../../agent/port.ts';
import type { ModelRequest } from '../../../agent/providers/types.ts';
import { putFiles } from '../../../agent/skills/put-files.ts';
import { makeAgentSkills, type AgentSkills } from '../../../agent/skills/skills.ts';
import { makeFileAccess } from '../../../agent/tools/files/access.ts';
import { skillsSchema, type SkillSettings } from '../../../skills/config.ts';
import { openSkillLibrary, type OpenedLibrary } from '../../../skills/library.ts';
import type { SkillRevision } from '../../../skills/types.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLog } from '../../../shared/log.ts';
import { putSkill, skillText } from '../../skills/fixture.ts';
import {
  DM,
  makeAgentTurn,
  makeInput,
  makePorts,
  makeScriptedModel,
  makeSettings,
  openHome,
  startTurn,
  type Home,
  type Scripted,
} from '../fixture.ts';

export interface SkillsBench {
  home: Home;
  library: OpenedLibrary;
  skills: AgentSkills;
  /** What the person was asked. */
  proposed: SkillRevision[];
  workspace: string;
  /** Puts a skill into a folder; the source says which. */
  put(source: 'builtin' | 'installed', name: string, files?: Readonly<Record<string, string>>): void;
  ports: ReturnType<typeof makePorts>;
  run(
    script: readonly Scripted[],
    text: string,
    turn?: Partial<AgentTurn>,
  ): Promise<{ result: TurnResult; requests: readonly ModelRequest[]; agent: AgentPort }>;
  runJob(script: readonly Scripted[], job: Pick<AgentJob, 'skills'>): Promise<{ requests: readonly ModelRequest[] }>;
}

export async function openSkillsBench(given: Partial<SkillSettings> = {}): Promise<SkillsBench> {
  const home = await openHome();
  const settings = skillsSchema.parse(given);
  const folders = { builtin: path.join(home.dir, 'builtin'), installed: path.join(home.dir, 'installed') };
  const library = openSkillLibrary({
    db: home.db,
    folders: () => [
      { source: 'builtin', path: folders.builtin },
      { source: 'installed', path: folders.installed },
    ],
  });
  const checkpoints = { keep: async () => undefined };
  const access = makeFileAccess({ home: home.dir, userHome: undefined, clock: systemClock, checkpoints });
  const proposed: SkillRevision[] = [];
  const skills = makeAgentSkills({
    db: home.db,
    library,
    settings: () => settings,
    system: 'linux',
    hasVariable: (name) => name === 'SET_HERE',
    bundles: path.join(home.dir, 'bundles'),
    putFiles: (context, files) => putFiles(access, context, files),
    propose: async (_context, revision) => void proposed.push(revision),
  });
  const ports = makePorts();
  function open(script: readonly Scripted[]) {
    const model = makeScriptedModel(script);
    const agentSettings = makeSettings(home.dir, [model.link]);
    const agent = openAgent({
      db: home.db,
      clock: systemClock,
      random: () => 0.5,
      log: silentLog,
      settings: () => agentSettings,
      ports,
      redact: (one) => one,
      sign: (hash) => `signed ${hash}`,
      tools: async () => skills.tools,
      knowledge: [skills.source],
      skills: skills.port,
    });
    return { model, agent };
  }
  return {
    home,
    library,
    ports,
    skills,
    proposed,
    workspace: makeSettings(home.dir, []).workspaceOf(home.scope),
    put(source, name, files) {
      putSkill(path.join(folders[source], name), { 'SKILL.md': skillText(name), ...files });
    },
    async run(script, text, turn) {
      const { model, agent } = open(script);
      const begun = await startTurn(home);
      const result = await agent.run(
        makeAgentTurn(home, begun, { inputs: [makeInput(text)], ...turn }),
        new AbortController().signal,
      );
      return { result, requests: model.requests, agent };
    },
    async runJob(script, { skills: names }) {
      const { model, agent } = open(script);
      const job: AgentJob = {
        key: 'job-1',
        name: 'Review',
        scope: home.scope,
        role: 'owner',
        address: DM,
        prompt: async () => ({ text: 'go', origin: 'agent' }),
        tools: ['skill_view'],
        model: undefined,
        skills: names,
        capMicroUsd: undefined,
      };
      const end = await agent.jobs?.run(job, new AbortController().signal);
      if (end?.state !== 'done') throw new Error(`the job ended ${end?.state ?? 'never'}: ${end?.text ?? ''}`);
      return { requests: model.requests };
    },
  };
}
