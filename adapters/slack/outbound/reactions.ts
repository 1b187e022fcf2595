// Reactions by Slack's names for emoji (https://docs.slack.dev/reference/methods/reactions.add, read 2026-11-21; names as in
// https://github.com/iamcal/emoji-data, which Slack uses).
import type { SendResult } from '../../contract.ts';
import type { MessageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import { UnsendableError } from '../../transport/failures.ts';
import { errorCodeOf, explainFailure } from '../errors.ts';
import type { OutboundDeps } from './deps.ts';

const NAMES: Readonly<Record<string, string>> = {
  '👍': '+1',
  '👎': '-1',
  '❤': 'heart',
  '🔥': 'fire',
  '👏': 'clap',
  '😁': 'grin',
  '😀': 'grinning',
  '😄': 'smile',
  '😂': 'joy',
  '🤣': 'rolling_on_the_floor_laughing',
  '🤔': 'thinking_face',
  '🤯': 'exploding_head',
  '😱': 'scream',
  '😢': 'cry',
  '😭': 'sob',
  '🎉': 'tada',
  '🙏': 'pray',
  '👌': 'ok_hand',
  '💯': '100',
  '⚡': 'zap',
  '🏆': 'trophy',
  '💔': 'broken_heart',
  '😐': 'neutral_face',
  '😍': 'heart_eyes',
  '😎': 'sunglasses',
  '😴': 'sleeping',
  '🙈': 'see_no_evil',
  '🤝': 'handshake',
  '✍': 'writing_hand',
  '🤗': 'hugging_face',
  '🫡': 'saluting_face',
  '🤷': 'shrug',
  '🚀': 'rocket',
  '👀': 'eyes',
  '✅': 'white_check_mark',
  '☑': 'ballot_box_with_check',
  '✔': 'heavy_check_mark',
  '❌': 'x',
  '⛔': 'no_entry',
  '⚠': 'warning',
  '❗': 'exclamation',
  '❓': 'question',
  '⏳': 'hourglass_flowing_sand',
  '⌛': 'hourglass',
  '⏰': 'alarm_clock',
  '🔄': 'arrows_counterclockwise',
  '🛑': 'octagonal_sign',
  '💡': 'bulb',
  '📌': 'pushpin',
  '📎': 'paperclip',
  '🔔': 'bell',
  '💬': 'speech_balloon',
  '🎧': 'headphones',
  '🧠': 'brain',
  '🤖': 'robot_face',
  '👋': 'wave',
  '🥳': 'partying_face',
  '😊': 'blush',
  '🙂': 'slightly_smiling_face',
  '🙁': 'slightly_frowning_face',
  '🔴': 'red_circle',
  '🟢': 'large_green_circle',
  '🟡': 'large_yellow_circle',
};

/** Slack's name of an emoji; undefined when it is not among those that we know. */
export function emojiName(emoji: string): string | undefined {
  return NAMES[emoji.replaceAll('\ufe0f', '')];
}

/** Leaves exactly the wanted reaction of ours, or none. Idempotent. Never rejects. */
export async function setReaction(
  deps: OutboundDeps,
  { to, id, emoji }: { to: Address; id: MessageId; emoji: string | undefined },
  bot: string,
): Promise<SendResult> {
  const at = { channel: to.chat, timestamp: id };
  try {
    const wanted = emoji === undefined ? undefined : emojiName(emoji);
    if (emoji !== undefined && wanted === undefined)
      throw new UnsendableError('unsupported', 'Slack has no such reaction.');
    const answer = await deps.api.call((client) => client.reactions.get({ ...at, full: true }));
    const reactions = 'message' in answer ? (answer.message?.reactions ?? []) : [];
    const ours = reactions.flatMap(({ name, users }) => (name !== undefined && users?.includes(bot) ? [name] : []));
    for (const name of ours.filter((one) => one !== wanted))
      await deps.api.call((client) => client.reactions.remove({ ...at, name })).catch(unless('no_reaction'));
    if (wanted !== undefined && !ours.includes(wanted))
      await deps.api.call((client) => client.reactions.add({ ...at, name: wanted })).catch(unless('already_reacted'));
    return { ok: true, ids: [id] };
  } catch (error) {
    return explainFailure(error, deps.redactor);
  }
}

/** Passes over the refusal that says that it is already so. */
function unless(code: string): (error: unknown) => void {
  return (error) => {
    if (errorCodeOf(error) !== code) throw error;
  };
}
