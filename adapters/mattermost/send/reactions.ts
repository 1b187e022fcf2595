// Reactions by Mattermost's names for emoji (webapp/channels/src/utils/emoji.json, read 2026-11-21).
import { z } from 'zod';
import type { SendResult } from '../../contract.ts';
import type { MessageId } from '../../../shared/ids.ts';
import { NotCalledError, UnsendableError } from '../../transport/failures.ts';
import { explainFailure } from '../errors.ts';
import { ID } from '../schema.ts';
import type { OutboundDeps } from './posts.ts';

const NAMES: Readonly<Record<string, string>> = {
  '👍': '+1',
  '👎': '-1',
  '❤': 'heart',
  '🔥': 'fire',
  '👏': 'clap',
  '😀': 'grinning',
  '😂': 'joy',
  '🤔': 'thinking_face',
  '😢': 'cry',
  '🎉': 'tada',
  '🙏': 'pray',
  '👌': 'ok_hand',
  '💯': '100',
  '⚡': 'zap',
  '🚀': 'rocket',
  '👀': 'eyes',
  '✅': 'white_check_mark',
  '✔': 'heavy_check_mark',
  '❌': 'x',
  '⛔': 'no_entry',
  '⚠': 'warning',
  '❗': 'exclamation',
  '❓': 'question',
  '⏳': 'hourglass_flowing_sand',
  '⌛': 'hourglass',
  '⏰': 'alarm_clock',
  '🛑': 'octagonal_sign',
  '💡': 'bulb',
  '📌': 'pushpin',
  '🔔': 'bell',
  '💬': 'speech_balloon',
  '🎧': 'headphones',
  '🧠': 'brain',
  '🤖': 'robot_face',
  '👋': 'wave',
  '😊': 'blush',
  '🙂': 'slightly_smiling_face',
};

const reactionsSchema = z.array(z.looseObject({ user_id: z.string(), emoji_name: z.string() })).nullish();

/** Leaves exactly the wanted reaction of ours, or none. Idempotent. Never rejects. */
export async function setReaction(
  { api, redactor, botId }: OutboundDeps,
  { id, emoji }: { id: MessageId; emoji: string | undefined },
): Promise<SendResult> {
  try {
    const wanted = emoji === undefined ? undefined : NAMES[emoji.replaceAll('\ufe0f', '')];
    if (emoji !== undefined && wanted === undefined)
      throw new UnsendableError('unsupported', 'Mattermost is not known to have this emoji.');
    if (!ID.test(id)) throw new UnsendableError('not_found', 'Mattermost has no such message.');
    const us = botId();
    if (us === undefined) throw new NotCalledError('The server was not reached yet.');
    const { body } = await api.call({ path: `/posts/${id}/reactions` });
    const ours = (reactionsSchema.parse(body) ?? []).filter((one) => one.user_id === us);
    for (const { emoji_name: name } of ours)
      if (name !== wanted)
        await api.call({
          method: 'DELETE',
          path: `/users/me/posts/${id}/reactions/${encodeURIComponent(name)}`,
        });
    if (wanted !== undefined && !ours.some((one) => one.emoji_name === wanted))
      await api.call({ method: 'POST', path: '/reactions', body: { user_id: us, post_id: id, emoji_name: wanted } });
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, redactor);
  }
}
