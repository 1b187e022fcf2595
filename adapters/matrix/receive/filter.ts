// What we want to hear, https://spec.matrix.org/v1.16/client-server-api/#filtering, read 2026-11-21.
export const TIMELINE_LIMIT = 50;

/** Of rooms' timelines; the same for sync and for the history that fills its gaps. */
export const TIMELINE_TYPES: readonly string[] = [
  'm.room.message',
  'm.room.encrypted',
  'm.room.redaction',
  'm.sticker',
  'm.room.member',
  'm.room.name',
  'm.room.encryption',
];

/** Events after which what is known of a room must be asked again. */
export const STATE_TYPES: readonly string[] = ['m.room.member', 'm.room.name', 'm.room.encryption'];

const NOTHING = { not_types: ['*'] };

/**
 * `limit`: events of each room. The first sync only finds out where we are: whatever was said before is not ours to answer.
 */
export function makeFilter({ isFirst, limit }: { isFirst: boolean; limit: number }): string {
  return JSON.stringify({
    presence: NOTHING,
    account_data: NOTHING,
    room: {
      ephemeral: NOTHING,
      account_data: NOTHING,
      // Lazily loaded members, or a large room would be told with all of its people.
      state: isFirst ? { types: ['m.room.encryption'] } : { types: STATE_TYPES, lazy_load_members: true },
      timeline: { types: TIMELINE_TYPES, limit: isFirst ? 1 : limit, lazy_load_members: true },
    },
  });
}

export const HISTORY_FILTER = JSON.stringify({ types: TIMELINE_TYPES, lazy_load_members: true });
