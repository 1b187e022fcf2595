// The person at `herald chat`: its own client of the local chat, over the gateway's socket.
import { randomUUID } from 'node:crypto';
import type { ChatEntry } from '../../../adapters/local-chat/protocol.ts';
import { plainText } from '../../../adapters/markdown.ts';
import { ChatClient, lineId } from '../../../cli/tui/client.ts';
import { makeSocketTransport, type Transport } from '../../../cli/tui/socket-transport.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { PersonsChat } from '../chat.ts';
import { readNewLines, type Line } from '../timeline.ts';

const ACCOUNT = 'default';

export async function terminal(): Promise<PersonsChat> {
  let socket = '';
  const transport: Transport = (path, init) => makeSocketTransport(socket)(path, init);
  const pathOf = (path: string) => `/terminal/${ACCOUNT}/${path}${path.includes('?') ? '&' : '?'}chat=local`;
  const seen = new Set<string>();
  const texts: string[] = [];
  const show = ({ direction, via, body }: Pick<Line, 'direction' | 'via' | 'body'>) => {
    if (direction === 'out' && via === undefined) texts.push(plainText(body ?? []).trim());
  };
  const showNew = (lines: readonly ChatEntry[]) => {
    for (const line of lines) {
      if (!seen.has(lineId(line))) show(line);
      seen.add(lineId(line));
    }
  };
  const readBack = async (query: string): Promise<unknown> => {
    const { status, body } = await transport(pathOf(query), { method: 'GET' });
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk);
    if (status !== 200) throw new Error(`the terminal's timeline answered ${status}`);
    return JSON.parse(Buffer.concat(chunks).toString());
  };
  let recent: ChatEntry[] = [];
  let showing = Promise.resolve();
  const client = new ChatClient({
    transport,
    pathOf,
    clock: systemClock,
    random: Math.random,
    newId: randomUUID,
    on: {
      entry(line, isRecent) {
        if (isRecent) recent.push(line);
        else showing = showing.then(() => showNew([line]));
      },
      state({ resumed, more }) {
        const lines = recent;
        recent = [];
        // More was said than what a new stream begins with: the person scrolls back.
        const isCut = !resumed && more && !lines.some((line) => seen.has(lineId(line)));
        showing = showing.then(async () => {
          // When the gateway is gone again, the next stream begins with this once more.
          if (isCut) for (const line of await readNewLines(seen, readBack).catch(() => [])) show(line);
          else showNew(lines);
        });
      },
      draft() {},
      draftEnd() {},
      typing() {},
      connection() {},
      accepted() {},
      refused: (id, why) => console.log(`the message ${id} of the terminal was refused: ${why}`),
    },
  });
  return {
    platform: 'terminal',
    settings: {},
    secrets: [],
    isOwners: true,
    say: (text) => void client.say(text),
    async told() {
      await showing;
      return texts;
    },
    gatewayAt(gateway) {
      socket = gateway.socket;
      client.start();
    },
    close: () => client.close(),
  };
}
