// What begins jobs beside the time, put together: webhooks under /hooks, and events that Herald itself sees.
import type { HttpHandler } from '../../adapters/contract.ts';
import type { ProcessDb } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobService } from '../../scheduler/types.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import type { HttpServer } from '../http/server.ts';
import { makeTriggerService, type TriggerService } from '../triggers/arm.ts';
import { openEventTriggers, type EventTriggers } from '../triggers/events.ts';

const SEGMENT = 'hooks';

export interface TriggersInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  jobs: Pick<JobService, 'trigger' | 'runs'>;
  http: Pick<HttpServer, 'mount'>;
  workspaceOf(scope: Scope): string;
}

export interface Triggers extends EventTriggers {
  /** For commands and the control API. */
  service: TriggerService;
}

export function openTriggers(input: TriggersInput): Triggers {
  let loading: Promise<HttpHandler> | undefined;
  // Few installations are ever called this way.
  const handler: HttpHandler = async (...call) => {
    loading ??= import('../triggers/webhooks.ts').then((webhooks) => webhooks.makeWebhookHandler(input));
    return (await loading)(...call);
  };
  const unmount = input.http.mount(SEGMENT, '', handler, { at: SEGMENT });
  const events = openEventTriggers(input);
  return {
    ...events,
    service: makeTriggerService({ ...input, changed: () => events.watchFiles() }),
    close() {
      unmount();
      events.close();
    },
  };
}
