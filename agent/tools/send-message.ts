// Writing to another chat of the same person. There is no way to name a chat that is not theirs: the port lists what is allowed.
import { z } from 'zod';
import { cleanText } from '../../shared/text.ts';
import { defineTool, type OwnChat } from './tool.ts';

const MAX_TEXT_CHARS = 20_000;

export const sendMessageTool = defineTool({
  name: 'send_message',
  description: "Send a message to another of this person's own paired chats; not to answer here.",
  parameters: z.strictObject({
    to: z.string().trim().min(1).max(200).describe('Platform, or title of the chat'),
    text: z.string().trim().min(1).max(MAX_TEXT_CHARS).describe('Markdown'),
  }),
  effect: 'once',
  origin: 'agent',
  toolset: 'core',
  available: ({ role }) => role !== 'guest',
  summarize: ({ to }) => `sending a message to ${to}`,
  async execute({ to, text }, context) {
    const chats = await context.listOwnChats(context.scope);
    const found = chooseChat(chats, to);
    if (!found.ok) return { text: found.problem, isError: true };
    await context.sendMessage({
      to: found.chat.address,
      text: cleanText(text),
      key: context.idempotencyKey,
      scope: context.scope,
    });
    return { text: `Handed over for delivery to ${nameOf(found.chat)}.` };
  },
});

/** The one chat that `to` names: `platform:title`, an exact title, or a platform (then the chat used last there). */
export function chooseChat(
  chats: readonly OwnChat[],
  to: string,
): { ok: true; chat: OwnChat } | { ok: false; problem: string } {
  const wanted = normal(to);
  const full = chats.filter((chat) => normal(nameOf(chat)) === wanted);
  const titled = chats.filter((chat) => normal(chat.title) === wanted);
  const matches = full.length > 0 ? full : titled;
  const chat = matches[0];
  if (chat && matches.length === 1) return { ok: true, chat };
  if (matches.length > 1)
    return { ok: false, problem: `"${to}" is the name of several chats: ${list(matches)}. Nothing was sent.` };
  const latest = chats.find((other) => normal(other.address.platform) === wanted);
  if (latest) return { ok: true, chat: latest };
  return { ok: false, problem: `This person has no chat "${to}". Known: ${list(chats) || 'none'}. Nothing was sent.` };
}

function nameOf(chat: OwnChat): string {
  return `${chat.address.platform}:${chat.title}`;
}

function list(chats: readonly OwnChat[]): string {
  return chats.map(nameOf).join(', ');
}

function normal(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase();
}
