// The person's direct chat on Matrix, a room that is not encrypted.
import { seenMessages } from '../../support/matrix/seen.ts';
import { startHomeserver } from '../../support/matrix/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function matrix(): Promise<PersonsChat> {
  const server = await startHomeserver();
  const ann = server.person('Ann');
  const room = ann.invite();
  return {
    platform: 'matrix',
    settings: { homeserver: server.url, edit_interval_ms: 500 },
    secrets: [`MATRIX_ACCESS_TOKEN=${server.token}`],
    say: (text) => void ann.say(room, text),
    told: () => seenMessages(server, room.id).map((message) => message.text),
    close: () => server.close(),
  };
}
