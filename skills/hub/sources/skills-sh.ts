// skills.sh, a registry that finds skills in GitHub repositories and on sites; what it finds is fetched from there.
import { z } from 'zod';
import { trustOfRepository } from '../policy.ts';
import { formatReference, parseReference } from '../reference.ts';
import type { FoundSkill, HubFetch, Reference } from '../types.ts';
import { downloadJson } from './download.ts';

/** As its own client asks: https://github.com/vercel-labs/skills/blob/main/src/find.ts, read 2026-11-21. */
const SEARCH = 'https://skills.sh/api/search';
const MAX_BYTES = 1024 * 1024;
/** It answers nothing to less. */
const MIN_CHARS = 2;

const answerSchema = z.object({
  skills: z.array(
    z.object({
      id: z.string(),
      skillId: z.string().optional(),
      name: z.string(),
      installs: z.number().optional(),
      source: z.string().nullish(),
    }),
  ),
});
type Listed = z.infer<typeof answerSchema>['skills'][number];

/** Rejects with AppError as `downloadJson` does. */
export async function searchSkillsSh(
  fetch: HubFetch,
  query: string,
  { limit, signal }: { limit: number; signal: AbortSignal | undefined },
): Promise<readonly FoundSkill[]> {
  if (query.trim().length < MIN_CHARS) return [];
  const address = `${SEARCH}?${new URLSearchParams({ q: query.trim(), limit: String(limit) }).toString()}`;
  const { value } = await downloadJson(fetch, address, {
    schema: answerSchema,
    what: 'a list of skills',
    maxBytes: MAX_BYTES,
    signal,
  });
  return value.skills.flatMap(toFound).slice(0, limit);
}

function toFound(listed: Listed): FoundSkill[] {
  const skill = listed.skillId ?? listed.name;
  const reference = tryParse(listed.source ? `${listed.source}/${skill}` : listed.id);
  if (!reference) return [];
  const trust = reference.source === 'github' ? trustOfRepository(reference) : 'community';
  const { name, installs } = listed;
  return [{ name, description: '', reference: formatReference(reference), trust, installs }];
}

/** Undefined for what leads nowhere: one odd entry does not spoil a search. */
function tryParse(text: string): Reference | undefined {
  try {
    return parseReference(`skills.sh:${text}`);
  } catch {
    return undefined;
  }
}
