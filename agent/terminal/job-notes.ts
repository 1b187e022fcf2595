// What Herald itself remembers of background jobs, beside what lies on their machines: for whom a job runs and what was promised. It is kept
// here because a command can write to its own machine, and must not be able to choose who is told something.
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, fileError, writeFileAtomic } from '../../data/files.ts';

const KEPT = 40;

const jobNoteSchema = z.object({
  id: z.string(),
  /** Beginning of the command, for people. */
  title: z.string(),
  startedAt: z.number(),
  /** Whether it could reach the network, so that its output may be the words of others. */
  network: z.boolean(),
  /** Whom to tell, in the words of whoever started it. */
  owner: z.string(),
  notify: z.boolean(),
  /** Patterns of which nothing was told yet. */
  patterns: z.array(z.string()),
  /** Bytes of its output that were looked through. */
  seenBytes: z.number(),
  /** False once all that was promised has been told. */
  watched: z.boolean(),
  /** Bytes of its output that the model has polled. */
  polledBytes: z.number(),
});
export type JobNote = z.infer<typeof jobNoteSchema>;

const fileSchema = z.object({ workspace: z.string(), jobs: z.array(jobNoteSchema) });

/** Of one machine. Synchronous: small files, written seldom. Throws AppError `home_unwritable` or `disk_full`. */
export interface JobNotes {
  get(id: string): JobNote | undefined;
  all(): readonly JobNote[];
  /** Adds it, or replaces the note of the same id. The oldest that are not watched are forgotten. */
  put(note: JobNote): void;
}

export function openJobNotes(folder: string, key: string, workspace: string): JobNotes {
  const file = path.join(folder, `${key}.json`);
  let jobs: readonly JobNote[] = readFile(file)?.jobs ?? [];
  return {
    get: (id) => jobs.find((job) => job.id === id),
    all: () => jobs,
    put(note) {
      const isNew = jobs.every((job) => job.id !== note.id);
      const next = isNew ? [...jobs, note] : jobs.map((job) => (job.id === note.id ? note : job));
      const surplus = next.length - KEPT;
      const forgotten = new Set(
        next.filter((job) => !job.watched && job.id !== note.id).slice(0, Math.max(0, surplus)),
      );
      const kept = next.filter((job) => !forgotten.has(job));
      ensureDir(folder);
      writeFileAtomic(file, JSON.stringify({ workspace, jobs: kept }));
      jobs = kept;
    },
  };
}

/** Machines with a job of which something is still to be told: key and workspace. */
export function listWatched(folder: string): { key: string; workspace: string }[] {
  let names: string[];
  try {
    names = fs.readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw fileError(error, folder);
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      const found = readFile(path.join(folder, name));
      if (!found?.jobs.some((job) => job.watched)) return [];
      return [{ key: name.slice(0, -'.json'.length), workspace: found.workspace }];
    });
}

/** A damaged file is as good as none: jobs are still found on their machine, only nothing is told of them. */
function readFile(file: string): z.infer<typeof fileSchema> | undefined {
  try {
    return fileSchema.safeParse(JSON.parse(fs.readFileSync(file, 'utf8'))).data;
  } catch (error) {
    if (isMissing(error) || error instanceof SyntaxError) return undefined;
    throw fileError(error, file);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
