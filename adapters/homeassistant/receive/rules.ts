// What is watched, as rules over values: which entities, and which change of a value is worth telling. Pure.
import { createHash } from 'node:crypto';
import type { Watched } from '../settings.ts';
import type { HomeState } from './states.ts';

export interface Rule {
  /** The same for the same rule in the configuration, after restarts too. */
  key: string;
  watched: Watched;
  cooldownMs: number;
}

export function makeRule(watched: Watched): Rule {
  const { cooldown_seconds: seconds, ...what } = watched;
  const key = createHash('sha256').update(JSON.stringify(what)).digest('base64url').slice(0, 12);
  return { key, watched, cooldownMs: seconds * 1_000 };
}

export function isAboutStates({ watched }: Rule): boolean {
  return watched.entities.length + watched.domains.length > 0;
}

export function watchesEntity({ watched }: Rule, entity: string): boolean {
  return (
    watched.domains.includes(entity.slice(0, entity.indexOf('.'))) ||
    watched.entities.some((pattern) => matchesGlob(pattern, entity))
  );
}

/** Entity ids if no rule has a pattern or a domain: Home Assistant then sends only these. */
export function exactEntities(rules: readonly Rule[]): readonly string[] | undefined {
  const named = rules.flatMap(({ watched }) => watched.entities);
  const isOpen = rules.some(({ watched }) => watched.domains.length > 0) || named.some((one) => one.includes('*'));
  return isOpen ? undefined : [...new Set(named)];
}

/** In time linear in both lengths, whatever the pattern. */
function matchesGlob(pattern: string, text: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return pattern === text;
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - tail.length;
}

/** The device is not there, or has not told yet: no value, unless the rule asks for it by name. */
const NO_VALUES: readonly string[] = ['unavailable', 'unknown'];

/** Undefined when there is nothing to compare. */
export function valueOf({ watched }: Rule, state: HomeState): string | undefined {
  const raw = watched.attribute === undefined ? state.state : state.attributes[watched.attribute];
  if (raw === undefined || raw === null) return undefined;
  const value = typeof raw === 'string' ? raw : JSON.stringify(raw);
  if (isNumeric(watched)) return Number.isFinite(Number(value)) && value.trim() !== '' ? value : undefined;
  const isNamed = watched.from?.includes(value) || watched.to?.includes(value);
  return NO_VALUES.includes(value) && !isNamed ? undefined : value;
}

function isNumeric({ above, below }: Watched): boolean {
  return above !== undefined || below !== undefined;
}

/** Values between which the rule does not tell are one class: only a change of class counts, and is written to disk. */
export function classOf({ watched }: Rule, value: string): string {
  const { above, below, from, to } = watched;
  if (isNumeric(watched)) {
    const number = Number(value);
    return (above === undefined || number > above) && (below === undefined || number < below) ? 'in' : 'out';
  }
  if (!from && !to) return `=${value}`;
  return from?.includes(value) || to?.includes(value) ? `=${value}` : 'other';
}

/** Whether this change of class is to be told. */
export function isTold({ watched }: Rule, before: string, after: string): boolean {
  if (before === after) return false;
  if (isNumeric(watched)) return after === 'in';
  const { from, to } = watched;
  const has = (values: readonly string[] | undefined, one: string) =>
    !values || values.some((value) => one === `=${value}`);
  return has(from, before) && has(to, after);
}
