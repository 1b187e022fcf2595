// What a page or an API may show and change for the person behind one of its users: their own private space, never a group's. Whoever is not
// paired gets nothing; what a role may not do in a chat is not there either.
import type { PanelPort } from '../../adapters/panels/port.ts';
import type { EvidencePort } from '../../agent/evidence/port.ts';
import type { AgentPort } from '../../agent/port.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listDmChats } from '../../data/process/chats.ts';
import { findPerson, type Person } from '../../data/process/people.ts';
import { getPersonSettings } from '../../data/process/person-settings.ts';
import { personScope, type Scope } from '../../data/scope.ts';
import { hasRole } from '../../pairing/policy.ts';
import type { JobService } from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import type { AccountId, ChatId, UserId } from '../../shared/ids.ts';
import type { Address } from '../../shared/messages.ts';
import { newsAddress } from '../chats/news.ts';
import { readInsights } from '../insights/insights.ts';
import { openJobsPanel } from './jobs.ts';
import { openMemoryPanel, openProfilePanel } from './memory.ts';
import { openSkillsPanel } from './skills.ts';

export interface PanelInput {
  db: ProcessDb;
  agent: Pick<AgentPort, 'memory' | 'skills'>;
  /** Default: nothing runs by itself. */
  jobs?: (() => JobService) | undefined;
  /** Default: nothing is known of what skills are worth. */
  evidence?: EvidencePort | undefined;
}

/** Where a page or an API asks from. */
export interface PanelAt {
  platform: string;
  account: AccountId;
  user: UserId;
  /** Its own chat with the person, where it has one. */
  here?: ChatId | undefined;
}

const MAX_DAYS = 90;

/** Looked up with each request: a role that was taken away counts at once. */
export function makePanels(input: PanelInput): (at: PanelAt) => Promise<PanelPort | undefined> {
  const { db, agent, evidence } = input;
  return async (at) => {
    const person = await findPerson(db, at);
    if (!person) return undefined;
    const scope = personScope(person.id);
    const jobs = input.jobs?.();
    const own = {
      profile: openProfilePanel(db, scope),
      insights: (days: number) => insightsOf(db, { scope, jobs, days }),
    };
    // As in chats: guests may look at what was done for them, no more.
    if (!hasRole(person.role, 'member')) return own;
    return {
      ...own,
      jobs:
        jobs &&
        openJobsPanel({
          jobs,
          scope,
          actor: { role: person.role, by: 'person' },
          origin: () => originOf(db, person, at),
          isHere: (address) => isHere(at, address),
          timezone: async () => (await getPersonSettings(db, person.id)).timezone,
        }),
      memory: agent.memory && openMemoryPanel(agent.memory, scope),
      skills: agent.skills && openSkillsPanel({ skills: agent.skills, evidence, scope, now: () => db.clock.now() }),
    };
  };
}

/** The chat that is asked from, else where the person hears news. */
async function originOf(db: ProcessDb, person: Person, at: PanelAt): Promise<Address> {
  const chats = await listDmChats(db, person.id);
  const own = chats.find(({ address }) => isHere(at, address));
  const origin = own?.address ?? (await newsAddress(db, person.id));
  if (origin) return origin;
  throw new AppError(
    'not_found',
    'There is no chat yet that results could go to: write to Herald once from the chat that shall get them. Nothing was made.',
  );
}

function isHere(at: PanelAt, address: Address): boolean {
  return address.platform === at.platform && address.account === at.account && address.chat === at.here;
}

async function insightsOf(
  db: ProcessDb,
  { scope, jobs, days }: { scope: Scope; jobs: JobService | undefined; days: number },
): ReturnType<PanelPort['insights']> {
  if (!Number.isInteger(days) || days < 1 || days > MAX_DAYS)
    throw new AppError('bad_input', `How many days? A number from 1 to ${MAX_DAYS}.`);
  const timezone = (await jobs?.timezone(scope)) ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const read = await readInsights(db, scope, { days, now: db.clock.now(), timezone });
  const { calls, tokens, microUsd, cachedShare, unpriced } = read.total;
  return {
    timezone,
    days: read.days,
    models: read.models,
    causes: read.causes,
    total: { calls, tokens, microUsd, cachedShare, unpriced },
    answers: read.work.turns['done'] ?? 0,
    failed: read.work.turns['failed'] ?? 0,
    conversations: read.work.conversations,
    tools: read.work.tools,
    runs: read.runs,
    learned: read.learned,
  };
}
