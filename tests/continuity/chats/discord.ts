// The person's direct messages on Discord.
import { startDiscord } from '../../support/discord/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function discord(): Promise<PersonsChat> {
  const server = await startDiscord();
  const ann = server.person(5001, 'Ann');
  return {
    platform: 'discord',
    settings: { api_root: server.apiRoot, cdn_root: server.cdnRoot },
    secrets: [`DISCORD_BOT_TOKEN=${server.token}`],
    say: (said) => void ann.dm.say(said),
    told: () => server.sent(server.dmOf(ann)).map((message) => message.content),
    close: () => server.close(),
  };
}
