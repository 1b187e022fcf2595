// Who speaks and where. A person is a services account, which the server vouches for, or else only a nick, which anybody can take.
import type { ChatId, UserId } from '../../shared/ids.ts';
import { chatId, userId } from '../../shared/ids.ts';

/** The chat with a person has the person's id. Names of channels begin with another sign, so no person can be taken for a channel. */
export type Party = { kind: 'account' | 'nick'; name: string } | { kind: 'channel'; name: string };

export function personIds(kind: 'account' | 'nick', lowerName: string): { user: UserId; chat: ChatId } {
  const id = `${kind}:${lowerName}`;
  return { user: userId(id), chat: chatId(id) };
}

/** Undefined for what is no id of ours. Nothing in it can end a line or begin another parameter. */
export function readParty(id: string): Party | undefined {
  const person = /^(account|nick):([^\s,:]{1,64})$/.exec(id);
  if (person?.[2]) return { kind: person[1] === 'account' ? 'account' : 'nick', name: person[2] };
  return /^[#&+!][^\s,:]{0,63}$/.test(id) ? { kind: 'channel', name: id } : undefined;
}
