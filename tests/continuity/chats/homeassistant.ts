// The person at Home Assistant: its conversation, answered by notifications.
import { say } from '../../adapters/homeassistant/home-rig.ts';
import { startHomeServer } from '../../support/homeassistant/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function homeassistant(): Promise<PersonsChat> {
  const server = await startHomeServer();
  const ann = server.world.addUser('Ann');
  return {
    platform: 'homeassistant',
    settings: { url: server.url },
    secrets: [`HASS_TOKEN=${server.token}`],
    say: async (said) => void (await say(server, ann, said)),
    told: () => [...server.world.notifications.values()].map((one) => one.message),
    keepsNothing: true,
    close: () => server.close(),
  };
}
