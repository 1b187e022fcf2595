// What the page shows beside the chat: jobs, memory, skills, insights of the person whose browser asks. Reading is GET, changing is POST with
// JSON, so that the server's checks against other sites hold for it.
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { chatId, type UserId } from '../../shared/ids.ts';
import type { AdapterHost } from '../contract.ts';
import { json, problem, readPost } from '../local-chat/requests.ts';
import { jobChangeInput, jobInput, jobKey, jobName, readCount, readSpan } from '../panels/inputs.ts';
import type { JobsPanel, MemoryPanel, PanelPort, SkillsPanel } from '../panels/port.ts';

const byNumber = z.strictObject({ id: z.int().positive() });
const byRevision = z.strictObject({ revision: z.string().min(1).max(64) });
const skillName = z.string().min(1).max(64);

interface Asked {
  panel: PanelPort;
  request: Request;
  query: URLSearchParams;
}

/** What is sent as JSON, or the answer that refuses the request. */
type Act = (asked: Asked) => Promise<unknown>;

const RUNS = { usual: 20, max: 100 };

const READS: Readonly<Record<string, Act>> = {
  '': async ({ panel: { jobs, memory, skills } }) => ({
    jobs: jobs !== undefined,
    memory: memory !== undefined,
    skills: skills !== undefined,
  }),
  jobs: async ({ panel }) => ({ jobs: await jobsOf(panel).list() }),
  job: async ({ panel, query }) => {
    const { job, plan } = await jobsOf(panel).get(readName(query, 'job', jobName));
    return { job, plan, runs: await jobsOf(panel).runs({ job: job.id, limit: readCount(query, 'limit', RUNS) }) };
  },
  calendar: async ({ panel, query }) => {
    const { from, to } = readSpan(query, Date.now());
    return { from, to, entries: await jobsOf(panel).calendar(from, to) };
  },
  memory: async ({ panel }) => memoryOf(panel).view(),
  profile: async ({ panel }) => ({ claims: await panel.profile.claims() }),
  why: async ({ panel, query }) => ({ evidence: await panel.profile.why(Number(readName(query, 'id', claimNumber))) }),
  skills: async ({ panel }) => ({ skills: await skillsOf(panel).list() }),
  skill: async ({ panel, query }) => {
    const name = readName(query, 'name', skillName);
    const skills = skillsOf(panel);
    return { revisions: await skills.revisions(name), evidence: await skills.evidence(name) };
  },
  diff: async ({ panel, query }) => ({ diff: await skillsOf(panel).diff(readName(query, 'revision', skillName)) }),
  insights: async ({ panel, query }) => panel.insights(readCount(query, 'days', { usual: 30, max: 90 })),
};

const claimNumber = z.string().regex(/^\d{1,9}$/);

const CHANGES: Readonly<Record<string, Act>> = {
  'jobs/preview': posted(jobInput, async (panel, input) => ({ plan: await jobsOf(panel).preview(input) })),
  'jobs/create': posted(jobInput.extend({ key: jobKey }), (panel, input) => jobsOf(panel).create(input)),
  'jobs/change': posted(z.strictObject({ job: jobName, change: jobChangeInput }), (panel, { job, change }) =>
    jobsOf(panel).change(job, change),
  ),
  'jobs/to': posted(
    z.strictObject({ job: jobName, to: z.enum(['paused', 'active', 'removed', 'run']) }),
    async (panel, { job, to }) => {
      const jobs = jobsOf(panel);
      if (to === 'run') return { run: await jobs.runNow(job) };
      return {
        job: await (to === 'paused' ? jobs.pause(job) : to === 'active' ? jobs.resume(job) : jobs.remove(job)),
      };
    },
  ),
  'memory/approve': posted(byNumber, (panel, { id }) => memoryOf(panel).approve(id)),
  'memory/reject': posted(byNumber, (panel, { id }) => memoryOf(panel).reject(id)),
  'memory/forget': posted(byNumber, (panel, { id }) => memoryOf(panel).forget(id)),
  'profile/wrong': posted(byNumber.extend({ right: z.string().trim().min(1).max(1_000).optional() }), (panel, post) =>
    panel.profile.wrong(post.id, post.right),
  ),
  'profile/forget': posted(byNumber, (panel, { id }) => panel.profile.forget(id)),
  'skills/approve': posted(byRevision.extend({ as: z.enum(['active', 'trial']) }), (panel, { revision, as }) =>
    skillsOf(panel).approve(revision, as),
  ),
  'skills/reject': posted(byRevision, (panel, { revision }) => skillsOf(panel).reject(revision)),
  'skills/rollback': posted(
    z.strictObject({ name: skillName, to: z.string().min(1).max(64).optional() }),
    (panel, { name, to }) => skillsOf(panel).rollback(name, to),
  ),
  'skills/mark': posted(
    z.strictObject({ name: skillName, frozen: z.boolean().optional(), pinned: z.boolean().optional() }),
    (panel, { name, ...marks }) => skillsOf(panel).mark(name, marks),
  ),
};

/** Answers the paths under /panel; undefined for every other. Rejects with AppError. */
export async function handlePanel(host: AdapterHost, request: Request, user: UserId): Promise<Response | undefined> {
  const { pathname, searchParams: query } = new URL(request.url);
  const name = /^\/panel(?:\/([a-z/]*))?$/.exec(pathname)?.[1] ?? (pathname === '/panel' ? '' : undefined);
  if (name === undefined) return undefined;
  const acts = request.method === 'GET' ? READS : request.method === 'POST' ? CHANGES : {};
  const act = Object.hasOwn(acts, name) ? acts[name] : undefined;
  const panel = await host.panel?.(user, chatId(user));
  // Whether there is such a panel is nobody's business who is not paired.
  if (act === undefined || panel === undefined) return problem(404, 'not_found', 'There is nothing at this address.');
  const answer = await act({ panel, request, query });
  return answer instanceof Response ? answer : json(200, answer ?? { done: true });
}

function posted<Schema extends z.ZodType>(
  schema: Schema,
  act: (panel: PanelPort, post: z.output<Schema>) => Promise<unknown>,
): Act {
  return async ({ panel, request }) => {
    const post = await readPost(request, schema);
    return post instanceof Response ? post : act(panel, post);
  };
}

function readName(query: URLSearchParams, name: string, schema: z.ZodType<string>): string {
  const parsed = schema.safeParse(query.get(name));
  if (parsed.success) return parsed.data;
  throw new AppError('bad_input', `The address does not say which ${name}.`);
}

function jobsOf({ jobs }: PanelPort): JobsPanel {
  if (jobs) return jobs;
  throw new AppError('not_allowed', 'There are no jobs for you here. Nothing was changed.');
}

function memoryOf({ memory }: PanelPort): MemoryPanel {
  if (memory) return memory;
  throw new AppError('not_allowed', 'There is no memory for you here. Nothing was changed.');
}

function skillsOf({ skills }: PanelPort): SkillsPanel {
  if (skills) return skills;
  throw new AppError('not_allowed', 'There are no skills for you here. Nothing was changed.');
}
