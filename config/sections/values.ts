// Kinds of values that several sections have.
import { z } from 'zod';

/** Text entries such as user ids. Numbers in the file are taken digit for digit as written. */
export const textList = (what: string) =>
  z.array(z.string().trim().min(1).max(256)).max(1000).default([]).describe(what);

export const tokenCount = z.int().min(1).max(100_000_000);
