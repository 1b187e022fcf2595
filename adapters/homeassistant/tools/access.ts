// What the agent may call and look at. Pure; closed for what is not understood.
import { ENTITY_ID, type HomeAssistantSettings } from '../settings.ts';

const SLUG = /^[a-z0-9_]{1,64}$/;

export type Access = { allowed: true } | { allowed: false; reason: string };

/** Whether a service may be called. */
export function decideService(
  settings: Pick<HomeAssistantSettings, 'blocked_domains' | 'allowed_services'>,
  domain: string,
  service: string,
): Access {
  if (!SLUG.test(domain) || !SLUG.test(service))
    return refuse('That is not the name of a service, such as light and turn_on.');
  const isIn = (list: readonly string[]) => list.includes(domain) || list.includes(`${domain}.${service}`);
  if (isIn(settings.blocked_domains))
    return refuse(
      `${domain}.${service} is blocked for the agent (blocked_domains in the settings). Only the owner can change that.`,
    );
  if (settings.allowed_services && !isIn(settings.allowed_services))
    return refuse(
      `${domain}.${service} is not among the services that the agent may call (allowed_services in the settings).`,
    );
  return { allowed: true };
}

export function isEntityId(text: string): boolean {
  return ENTITY_ID.test(text);
}

const MAX_DEPTH = 8;
const MAX_DATA_CHARS = 20_000;

/**
 * Some services render texts in their data as templates, which can read every state and loop without end; so none are passed on.
 * Targets have fields of their own, which are checked.
 */
export function decideData(data: Readonly<Record<string, unknown>>): Access {
  if (JSON.stringify(data).length > MAX_DATA_CHARS)
    return refuse(`The data is too large (at most ${MAX_DATA_CHARS} characters).`);
  if (holdsTemplate(data, 0))
    return refuse('Templates ({{ … }}, {% … %}) are not passed on to Home Assistant. Write the value itself.');
  return { allowed: true };
}

function holdsTemplate(value: unknown, depth: number): boolean {
  if (depth > MAX_DEPTH) return true;
  if (typeof value === 'string') return /\{[{%#]/.test(value);
  if (Array.isArray(value)) return value.some((one) => holdsTemplate(one, depth + 1));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, one]) => holdsTemplate(key, depth + 1) || holdsTemplate(one, depth + 1));
}

function refuse(reason: string): Access {
  return { allowed: false, reason };
}
