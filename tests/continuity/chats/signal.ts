// The person's chat on Signal.
import { startSignalServer } from '../../support/signal/server.ts';
import type { PersonsChat } from '../chat.ts';

export async function signal(): Promise<PersonsChat> {
  const server = await startSignalServer();
  const ann = server.person('Ann');
  return {
    platform: 'signal',
    settings: { url: server.url, number: server.number },
    secrets: [],
    async say(said) {
      await server.until('a socket', () => server.sockets() > 0, 20_000);
      ann.dm.write(said);
    },
    told: () => server.messages(ann.uuid).map((message) => message.text),
    keepsNothing: true,
    close: () => server.close(),
  };
}
