// What sending needs.
import type { Cursor } from '../../contract.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Redactor } from '../../../shared/redact.ts';
import type { SlackApi } from '../api.ts';

export interface OutboundDeps {
  api: SlackApi;
  apiRoot: string;
  fetch: typeof fetch;
  redactor: Redactor;
  clock: Clock;
  /** Undefined before the adapter was started. */
  cursor(): Cursor | undefined;
}
