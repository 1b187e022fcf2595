// What an event must be like to begin a job, as it is stored.
import { z } from 'zod';

/** A message on any platform: a mail, an event of a home, something said in a group. */
export const messageSpec = z.strictObject({
  /** Id of the platform; none: any. */
  platform: z.string().min(1).max(40).optional(),
  /** Part of the sender's name or address, whatever the case. */
  from: z.string().min(1).max(200).optional(),
  /** Words that all must occur, whatever the case; a mail's subject is the first line of its text. */
  words: z.array(z.string().min(1).max(100)).max(20).default([]),
});
export type MessageSpec = z.output<typeof messageSpec>;

/** A background process that has ended. */
export const processSpec = z.strictObject({
  /** Part of its title; none: any. */
  title: z.string().min(1).max(200).optional(),
});
export type ProcessSpec = z.output<typeof processSpec>;

export const fileSpec = z.strictObject({
  /** A file or folder, relative to the workspace. */
  path: z.string().min(1).max(1_000),
});
export type FileSpec = z.output<typeof fileSpec>;

/** What is stored as JSON; undefined for what cannot be read, which begins nothing. */
export function readSpec<Spec>(schema: z.ZodType<Spec>, json: string): Spec | undefined {
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
