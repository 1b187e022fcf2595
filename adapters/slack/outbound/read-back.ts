// Whether a message of ours went out: looked up by the key that it carries as metadata.
import { z } from 'zod';
import type { SendResult } from '../../contract.ts';
import { messageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { explainFailure } from '../errors.ts';
import type { OutboundDeps } from './deps.ts';
import { METADATA_TYPE } from './messages.ts';
import { findShared } from './uploads.ts';

/** Longest that an answer may wait to be sent (answer_ttl_hours), and a day. */
const LOOK_BACK_MS = 31 * 24 * 3_600_000;
/** As a rule no answer is older than a day; in a busy chat that is as far as is looked. */
const ENOUGH_MS = 25 * 3_600_000;
/** "recommended … no more than 200 results at a time" (https://docs.slack.dev/apis/web-api/pagination, read 2026-11-21). */
const PAGE = 200;
const MAX_PAGES = 10;

const datedSchema = z.looseObject({ ts: z.string() });
const messageSchema = z.looseObject({
  ts: z.string(),
  metadata: z.looseObject({
    event_type: z.literal(METADATA_TYPE),
    event_payload: z.looseObject({ key: z.string() }),
  }),
});

/** ok: it is there · undefined: it certainly is not · a failure: Slack could not be asked, or there is too much to look through. */
export async function findMessage(deps: OutboundDeps, to: Address, key: string): Promise<SendResult | undefined> {
  try {
    const shared = await findShared(deps, key);
    if (shared?.isWhole) return { ok: true, ids: [shared.id] };
    const posted = await findPosted(deps, to, key);
    // Files whose text is still missing: the same send again sends only that.
    if (posted === undefined) return undefined;
    return { ok: true, ids: [...(shared ? [shared.id] : []), messageId(posted)] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

async function findPosted(deps: OutboundDeps, to: Address, key: string): Promise<string | undefined> {
  const ago = (ms: number) => ((deps.clock.now() - ms) / 1_000).toFixed(6);
  const { thread } = to;
  let cursor = '';
  let last = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const args = {
      channel: to.chat,
      oldest: ago(LOOK_BACK_MS),
      // With an end the latest come first.
      ...(thread === undefined && { latest: ago(-3_600_000) }),
      limit: PAGE,
      include_all_metadata: true,
      ...(cursor !== '' && { cursor }),
    };
    const answer = await deps.api.call(
      async (client): Promise<{ messages?: unknown[]; response_metadata?: { next_cursor?: string } }> =>
        thread === undefined
          ? client.conversations.history(args)
          : client.conversations.replies({ ...args, ts: thread }),
    );
    for (const raw of answer.messages ?? []) {
      last = datedSchema.safeParse(raw).data?.ts ?? last;
      const message = messageSchema.safeParse(raw);
      if (message.success && message.data.metadata.event_payload.key === key) return message.data.ts;
    }
    cursor = answer.response_metadata?.next_cursor ?? '';
    if (cursor === '') return undefined;
  }
  if (thread === undefined && last < ago(ENOUGH_MS)) return undefined;
  throw new UnsendableError('bad_request', 'There are too many messages in the chat to find one of ours.');
}
