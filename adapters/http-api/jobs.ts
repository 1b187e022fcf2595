// What runs by itself for the person of a key: /v1/jobs and /v1/calendar. Not of OpenAI's API, but in its manner: lists are
// {object: 'list', data}, errors are its errors.
import { z } from 'zod';
import { jobChangeInput, jobInput, jobName, readCount, readSpan } from '../panels/inputs.ts';
import type { JobsPanel } from '../panels/port.ts';
import { json, unknownUrl } from './answers.ts';

const patchInput = jobChangeInput.extend({ state: z.enum(['active', 'paused']).optional() });
const RUNS = { usual: 20, max: 100 };

export interface JobsRequest {
  jobs: JobsPanel;
  request: Request;
  now: number;
  /** The body as a schema wants it. Rejects with AppError `bad_input`. */
  read<Schema extends z.ZodType>(schema: Schema): Promise<z.output<Schema>>;
}

/** Whether a path is one of these; what it asks for may not be there all the same. */
export function isJobsPath(pathname: string): boolean {
  return /^\/v1\/(?:jobs|calendar)(?:\/|$)/.test(pathname);
}

/** Rejects with AppError. */
export async function handleJobs(asked: JobsRequest): Promise<Response> {
  const { jobs, request, now, read } = asked;
  const { pathname, searchParams } = new URL(request.url);
  const [name, part, ...rest] = namesOf(pathname);
  const route = `${request.method} ${pathname.startsWith('/v1/calendar') ? 'calendar' : 'jobs'}`;
  if (route === 'GET calendar' && name === undefined) {
    const { from, to } = readSpan(searchParams, now);
    return listOf(await jobs.calendar(from, to));
  }
  if (rest.length > 0 || route.endsWith('calendar')) return unknownUrl(request.method, pathname);
  if (name === undefined) {
    if (route === 'GET jobs') return listOf(await jobs.list());
    if (route === 'POST jobs') {
      const key = request.headers.get('idempotency-key')?.slice(0, 200) || undefined;
      return json(201, await jobs.create({ ...(await read(jobInput)), key }));
    }
    return unknownUrl(request.method, pathname);
  }
  const job = jobName.parse(name);
  if (part === 'runs') {
    if (route === 'GET jobs') return listOf(await jobs.runs({ job, limit: readCount(searchParams, 'limit', RUNS) }));
    if (route === 'POST jobs') return json(202, await jobs.runNow(job));
  }
  if (part !== undefined) return unknownUrl(request.method, pathname);
  if (route === 'GET jobs') return json(200, await jobs.get(job));
  if (route === 'PATCH jobs') return json(200, await patch(jobs, job, await read(patchInput)));
  if (route === 'DELETE jobs')
    return json(200, { id: (await jobs.remove(job)).id, object: 'job.deleted', deleted: true });
  return unknownUrl(request.method, pathname);
}

async function patch(jobs: JobsPanel, job: string, { state, ...change }: z.output<typeof patchInput>) {
  const { id } = (await jobs.get(job)).job;
  if (Object.keys(change).length > 0) await jobs.change(id, change);
  if (state === 'paused') await jobs.pause(id);
  if (state === 'active') await jobs.resume(id);
  return jobs.get(id);
}

function namesOf(pathname: string): readonly string[] {
  return pathname
    .split('/')
    .slice(3)
    .map(decodeName)
    .filter((name) => name !== '');
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name).slice(0, 100);
  } catch {
    return name.slice(0, 100);
  }
}

function listOf(data: readonly unknown[]): Response {
  return json(200, { object: 'list', data });
}
