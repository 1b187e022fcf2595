// What stands at a path, as far as it can be put back: nothing, a file, a folder, or a link with the place it names.
import { z } from 'zod';

export const stateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('absent') }),
  /** `mode`: permission bits. `hash`: SHA-256 of the content. */
  z.strictObject({ kind: z.literal('file'), hash: z.string().regex(/^[0-9a-f]{64}$/), mode: z.int() }),
  z.strictObject({ kind: z.literal('link'), target: z.string() }),
  z.strictObject({ kind: z.literal('folder'), mode: z.int() }),
]);
export type State = z.infer<typeof stateSchema>;

export const ABSENT: State = { kind: 'absent' };

/** Whether both are the same thing with the same content; permissions may differ. */
export function sameState(a: State, b: State): boolean {
  if (a.kind === 'file' && b.kind === 'file') return a.hash === b.hash;
  if (a.kind === 'link' && b.kind === 'link') return a.target === b.target;
  return a.kind === b.kind;
}

/** As `sameState`, and permissions are the same too. */
export function equalState(a: State, b: State): boolean {
  return sameState(a, b) && (!('mode' in a) || !('mode' in b) || a.mode === b.mode);
}
