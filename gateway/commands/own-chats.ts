// Other direct chats of the person who asks, by the names that people give them.
import { getChat, listDmChats } from '../../data/process/chats.ts';
import { addressKey, type Address } from '../../shared/messages.ts';
import type { CommandContext } from './types.ts';

export interface OtherChat {
  address: Address;
  title: string;
  lastInboundAt: number;
}

/** Latest first; those of platforms that are not set up any more are left out. */
export async function otherChats({ db, person, address, gateway }: CommandContext): Promise<readonly OtherChat[]> {
  const { adapters } = await gateway.status();
  const isThere = (at: Address) => adapters.some((one) => one.platform === at.platform && one.account === at.account);
  const chats = await listDmChats(db, person.id);
  const others = chats.filter((one) => addressKey(one.address) !== addressKey(address) && isThere(one.address));
  return Promise.all(
    others.map(async (one) => ({ ...one, title: (await getChat(db, one.address))?.title || one.address.platform })),
  );
}

/** Those whose platform, account or title begins with `name`. */
export function chatsNamed(chats: readonly OtherChat[], name: string): readonly OtherChat[] {
  const wanted = name.toLowerCase();
  return chats.filter(({ address, title }) =>
    [address.platform, `${address.platform}:${address.account}`, title].some((one) =>
      one.toLowerCase().startsWith(wanted),
    ),
  );
}
