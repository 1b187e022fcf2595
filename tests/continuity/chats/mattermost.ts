// The person's direct messages on Mattermost.
import { startMattermost } from '../../support/mattermost/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function mattermost(): Promise<PersonsChat> {
  const server = await startMattermost();
  return {
    platform: 'mattermost',
    settings: { url: server.url },
    secrets: [`MATTERMOST_TOKEN=${server.token}`],
    say: (text) => void server.world.post(server.ann.id, server.dm, text),
    told: () => server.ours(server.dm.id).map((post) => post.message),
    close: () => server.close(),
  };
}
