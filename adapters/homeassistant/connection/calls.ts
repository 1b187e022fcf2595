// Calls of services and events of ours. Each remembers the context that Home Assistant gave it, so that what we caused ourselves is
// told from what happened: an agent that switches a watched light must not be woken by it.
import { calledSchema } from './answers.ts';
import type { Link } from './link.ts';

/** Contexts kept; far more than are in use at a time. */
const MAX_CONTEXTS = 500;

export interface ServiceCall {
  domain: string;
  service: string;
  data?: Readonly<Record<string, unknown>> | undefined;
  target?: Readonly<Record<string, unknown>> | undefined;
  /** Asks for the data that some services answer with; others refuse it. */
  wantsResponse?: boolean | undefined;
}

/** Of a state or an event. */
export interface Context {
  id: string;
  parentId: string | undefined;
  userId: string | undefined;
}

export interface Calls {
  /** Resolves, with the response if one was asked for, when the service has ended. Rejects as `Link.call`. */
  service(call: ServiceCall, signal: AbortSignal): Promise<unknown>;
  fire(event: string, data: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<void>;
  /** Whether this comes from a call of ours; waits for calls under way, whose contexts are known only with their answers. */
  isOurs(context: Context): Promise<boolean>;
  /** The user of the token. */
  become(user: string): void;
}

export function makeCalls(link: Pick<Link, 'call'>): Calls {
  const contexts = new Set<string>();
  const running = new Set<Promise<unknown>>();
  let me: string | undefined;

  async function track(command: { type: string; [key: string]: unknown }, signal: AbortSignal): Promise<unknown> {
    const answer = link.call(command, calledSchema, signal);
    const known = answer.then(({ context }) => remember(context.id)).catch(() => undefined);
    running.add(known);
    void known.finally(() => running.delete(known));
    return (await answer).response;
  }

  function remember(id: string): void {
    contexts.add(id);
    for (const oldest of contexts) {
      if (contexts.size <= MAX_CONTEXTS) return;
      contexts.delete(oldest);
    }
  }

  return {
    service: ({ domain, service, data, target, wantsResponse }, signal) =>
      track(
        {
          type: 'call_service',
          domain,
          service,
          service_data: data ?? {},
          ...(target && { target }),
          ...(wantsResponse && { return_response: true }),
        },
        signal,
      ),
    async fire(event, data, signal) {
      await track({ type: 'fire_event', event_type: event, event_data: data }, signal);
    },
    async isOurs({ id, parentId, userId }) {
      // Nobody else's name is on what we do, but ours may be on what a person does with the same user.
      if (userId !== undefined ? userId === me : parentId !== undefined) await Promise.all(running);
      return contexts.has(id) || (parentId !== undefined && contexts.has(parentId));
    },
    become(user) {
      me = user;
    },
  };
}
