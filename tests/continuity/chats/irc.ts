// The person's private messages on IRC: on the real ngircd where it is installed, else on the small server of the tests. Neither keeps
// messages here, so the person writes while Herald is there.
import { startIrcServer } from '../../support/irc/ircv3-server.ts';
import { NGIRCD_MISSING, startNgircd } from '../../support/irc/ngircd.ts';
import { connectPerson } from '../../support/irc/person.ts';
import type { PersonsChat } from '../chat.ts';

const NICK = 'herald';
/** A gateway on a busy machine needs that long to come back. */
const TRY_MS = 30_000;

export async function irc(): Promise<PersonsChat> {
  const server = await (NGIRCD_MISSING ? startIrcServer({ without: ['draft/chathistory'] }) : startNgircd());
  if (NGIRCD_MISSING) console.log(`IRC is played by a server of the tests: ${NGIRCD_MISSING}`);
  const ann = await connectPerson(server.port, 'Ann');
  return {
    platform: 'irc',
    settings: { host: '127.0.0.1', port: server.port, tls: false, nick: NICK, trust_nicks: true, line_interval_ms: 0 },
    secrets: [],
    say: (text) => ann.say(NICK, text, TRY_MS),
    told: () => ann.seen.filter((line) => line.from === NICK && line.target === ann.nick).map((line) => line.text),
    keepsNothing: true,
    async close() {
      ann.quit();
      await server.close();
    },
  };
}
