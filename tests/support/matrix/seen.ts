// A room as its reader sees it: edits applied, redacted messages gone, HTML shown instead of the plain body.
import { messageId, threadId } from '../../../shared/ids.ts';
import type { MediaKind } from '../../../shared/messages.ts';
import type { SeenMessage } from '../../contracts/adapter-harness.ts';
import type { Homeserver } from './server.ts';
import { relationOf, type Content, type Room, type StoredEvent } from './world.ts';

/** Messages of the bot, oldest first. */
export function seenMessages({ world, botId }: Homeserver, chat: string): readonly SeenMessage[] {
  const room = world.rooms.get(chat);
  return room ? seenIn({ world, botId }, room) : [];
}

/** Of a room whose events are open to its reader. */
export function seenIn({ world, botId }: Pick<Homeserver, 'world' | 'botId'>, room: Room): readonly SeenMessage[] {
  return room.events
    .filter((event) => ['m.room.message', 'm.sticker'].includes(event.type) && event.sender === botId)
    .filter((event) => Object.keys(event.content).length > 0 && relationOf(event)['rel_type'] !== 'm.replace')
    .map((event) => {
      const edit = world.edits(room, event.event_id).at(-1)?.content['m.new_content'] as Content | undefined;
      const reactions = room.events.filter(
        (one) => one.type === 'm.reaction' && one.sender === botId && relationOf(one)['event_id'] === event.event_id,
      );
      return describe(event, edit ?? event.content, reactions);
    });
}

function describe(event: StoredEvent, content: Content, reactions: readonly StoredEvent[]): SeenMessage {
  const relation = relationOf(event);
  const reply = relation['m.in_reply_to'] as { event_id: string } | undefined;
  const isFallback = relation['is_falling_back'] === true;
  const html = content['formatted_body'];
  const isFile = content['url'] !== undefined || content['file'] !== undefined;
  const { text, isFormatted } =
    typeof html === 'string' ? readHtml(html) : { text: String(content['body']), isFormatted: false };
  const hasText = !isFile || content['body'] !== (content['filename'] ?? content['body']);
  return {
    id: messageId(event.event_id),
    text: hasText ? text : '',
    formatted: isFormatted,
    buttons: [],
    replyTo: reply && !isFallback ? messageId(reply.event_id) : undefined,
    thread: relation['rel_type'] === 'm.thread' ? threadId(String(relation['event_id'])) : undefined,
    files: isFile ? [describeFile(event, content)] : [],
    reactions: reactions.map((one) => String(relationOf(one)['key'])),
  };
}

const KINDS: Readonly<Record<string, MediaKind>> = { 'm.image': 'image', 'm.audio': 'audio', 'm.video': 'video' };

function describeFile({ type }: StoredEvent, content: Content): SeenMessage['files'][number] {
  const isVoice = content['org.matrix.msc3245.voice'] !== undefined;
  const kind = isVoice ? 'voice' : (KINDS[String(content['msgtype'])] ?? 'document');
  const info = content['info'] as { size: number };
  return {
    kind: type === 'm.sticker' ? 'sticker' : kind,
    name: String(content['filename'] ?? content['body']),
    bytes: info.size,
  };
}

/** Tags that the specification lets clients show. */
const ALLOWED = new Set(
  'del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s code hr br div table thead tbody tr th td caption pre span img details summary'.split(
    ' ',
  ),
);

export function readHtml(html: string): { text: string; isFormatted: boolean } {
  for (const [, name = ''] of html.matchAll(/<\/?([a-z0-9]+)/gi))
    if (!ALLOWED.has(name)) throw new Error(`A client would leave out <${name}>.`);
  if (/[<>]/.test(html.replace(/<\/?[a-z][a-z0-9]*(?: [a-z-]+="[^"<>]*")*>/g, '')))
    throw new Error(`This is no well-formed HTML: ${html.slice(0, 200)}`);
  const text = html
    .replace(/<br>/g, '\n')
    .replace(/<\/(?:p|li|tr|h[1-6])>\n?/g, '\n')
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .trim();
  return { text, isFormatted: /<(?!p>|\/p>|br>)/.test(html) };
}
