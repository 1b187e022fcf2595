// Delivers a raw mail as a mail server would hand it to the mailbox: over LMTP, byte for byte.
import { once } from 'node:events';
import net from 'node:net';
import { createInterface } from 'node:readline';

export interface Delivery {
  user: string;
  raw: string | Buffer;
  /** Return-Path; '' = the null sender of bounces. */
  envelopeFrom?: string | undefined;
}

/** Resolves when it is in the mailbox. Rejects when the server refuses it. */
export async function deliverByLmtp(port: number, delivery: Delivery): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const reply = async (expected: string) => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) throw new Error('the connection ended');
      const line = String(value);
      if (line[3] === '-') continue;
      if (!line.startsWith(expected)) throw new Error(`refused: ${line}`);
      return;
    }
  };
  const command = async (line: string, expected: string) => {
    socket.write(`${line}\r\n`);
    await reply(expected);
  };
  try {
    await reply('220');
    await command('LHLO test', '250');
    await command(`MAIL FROM:<${delivery.envelopeFrom ?? 'sender@herald.test'}>`, '250');
    await command(`RCPT TO:<${delivery.user}>`, '250');
    await command('DATA', '354');
    const raw = Buffer.from(delivery.raw).toString('latin1').replace(/\r?\n/g, '\r\n').replace(/^\./gm, '..');
    socket.write(Buffer.from(`${raw}${raw.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1'));
    await reply('250');
    socket.write('QUIT\r\n');
  } finally {
    socket.destroy();
  }
}
