// An SMTP server that answers what a test wants it to: refusals of all kinds, which real servers give for reasons that no test can make.
import { once } from 'node:events';
import net from 'node:net';

/** Replies by the first word of the command; `end` answers the end of a mail. */
export type SmtpScript = Partial<Record<'greeting' | 'ehlo' | 'auth' | 'mail' | 'rcpt' | 'data' | 'end', string>>;

export interface ScriptedSmtp {
  port: number;
  script: SmtpScript;
  /** Mails whose end arrived, whatever was answered. */
  mails: string[];
  close(): Promise<void>;
}

const DEFAULTS: Required<SmtpScript> = {
  greeting: '220 scripted',
  ehlo: '250-scripted\r\n250 AUTH PLAIN LOGIN',
  auth: '235 2.7.0 in',
  mail: '250 2.1.0 ok',
  rcpt: '250 2.1.5 ok',
  data: '354 go on',
  end: '250 2.0.0 taken',
};

export async function startScriptedSmtp(): Promise<ScriptedSmtp> {
  const sockets = new Set<net.Socket>();
  const smtp: ScriptedSmtp = {
    port: 0,
    script: {},
    mails: [],
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const answer = (name: keyof SmtpScript) => {
      const reply = smtp.script[name] ?? DEFAULTS[name];
      if (reply === '') socket.destroy();
      else socket.write(`${reply}\r\n`);
      return reply;
    };
    let buffer = '';
    let isData = false;
    socket.on('data', (chunk) => {
      buffer += chunk.toString('latin1');
      for (;;) {
        const end = buffer.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const said = buffer.slice(0, end);
        buffer = buffer.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          smtp.mails.push(said);
          answer('end');
          continue;
        }
        const word = said.split(/[ :]/, 1)[0]?.toLowerCase() ?? '';
        if (word === 'quit') return void socket.end('221 bye\r\n');
        if (word === 'data') isData = answer('data').startsWith('354');
        else if (word === 'ehlo' || word === 'auth' || word === 'mail' || word === 'rcpt') answer(word);
        else socket.write('502 what?\r\n');
      }
    });
    answer('greeting');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  smtp.port = address.port;
  return smtp;
}
