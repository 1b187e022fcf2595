// Receiving over a real server: what is new, what was there before, and every way in which the connection can fail.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { RecordingHost } from '../../contracts/adapter-host.ts';
import { describeWithMail } from '../../support/mail/describe.ts';
import { withMailbox } from '../../support/mail/imap-user.ts';
import { UNCHECKED_DOMAIN } from '../../support/mail/postfix.ts';
import type { MailServer } from '../../support/mail/server.ts';
import { openMailRig, type MailRig } from './rig.ts';

const DAY_MS = 24 * 3_600_000;
/** Nothing but the server's word makes the adapter look within a test. */
const PATIENT = { idleMs: 600_000, pollMs: 600_000, retryMs: 50 };

const texts = (record: RecordingHost) => record.received.map((message) => message.text);

async function withRig(server: MailServer, run: (rig: MailRig) => Promise<void>): Promise<void> {
  const rig = await openMailRig(server);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

describeWithMail('the mailbox', (server) => {
  it('what lay there before the first start is not answered; unread or read plays no part later', () =>
    withRig(server(), async (rig) => {
      await rig.say({ text: 'from before' });
      await server().settle();
      const first = await rig.start();
      await rig.say({ text: 'one' });
      await first.record.waitFor(({ text }) => text === 'one');
      await first.adapter.stop();
      await rig.say({ text: 'read by somebody else' });
      await server().settle();
      await withMailbox(server(), rig.bot, async (client) => {
        await client.mailboxOpen('INBOX');
        await client.messageFlagsSet('1:*', ['\\Seen']);
        await client.messageFlagsRemove('2', ['\\Seen'], { uid: true });
      });
      const { record } = await rig.start({ cursors: first.record.cursors, received: first.record.received });
      await record.waitFor(({ text }) => text === 'read by somebody else');
      expect(texts(record)).toEqual(['one', 'read by somebody else']);
      expect(record.answers.map(({ outcome }) => outcome)).toEqual(['new']);
    }));

  it.each([
    ['seen', '\\Seen'],
    ['keyword', '$Herald'],
    ['none', undefined],
  ])('marks what it took: %s', (mark, flag) =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start(undefined, { settings: { mark } });
      await rig.say({ text: 'taken' });
      await rig.say({ text: 'a machine' }, { headers: { 'Auto-Submitted': 'auto-generated' } });
      await record.waitFor(({ text }) => text === 'taken');
      await server().settle();
      const flags = await withMailbox(server(), rig.bot, async (client) => {
        await client.mailboxOpen('INBOX');
        for (let i = 0; i < 100; i++) {
          const found = await client.fetchAll('1:*', { flags: true });
          const all = found.map((one) =>
            [...(one.flags ?? [])].filter((name) => name === '\\Seen' || name === '$Herald'),
          );
          if (flag === undefined || all[0]?.length) return all;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return [];
      });
      expect(flags).toEqual([flag === undefined ? [] : [flag], []]);
    }),
  );

  it('the server tells of new mail by itself', () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start(undefined, { options: { waits: PATIENT } });
      for (const text of ['first', 'second']) {
        await rig.say({ text });
        await record.waitFor((message) => message.text === text, 10_000);
      }
      expect(rig.imap.connections()).toBe(1);
    }));

  it('without IDLE, and in other folders, it looks at intervals', () =>
    withRig(server(), async (rig) => {
      rig.imap.tamper((said) => said.replaceAll(/\bIDLE\b/g, 'XDLE'));
      const { record } = await rig.start(undefined, {
        settings: { folders: ['INBOX', 'Projects'] },
        options: { waits: { ...PATIENT, pollMs: 30 } },
      });
      await rig.say({ text: 'in the inbox' });
      await withMailbox(server(), rig.bot, (client) =>
        client.append('Projects', 'From: ada@herald.test\r\nMessage-ID: <p@x.test>\r\n\r\nin the folder\r\n'),
      );
      await record.waitUntil(() => record.received.length === 2);
      expect(texts(record).toSorted()).toEqual(['in the folder', 'in the inbox']);
    }));

  it('a restart of the server while it waits loses nothing', { timeout: 30_000 }, () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start(undefined, { options: { waits: PATIENT } });
      await rig.say({ text: 'before' });
      await record.waitFor(({ text }) => text === 'before', 10_000);
      await server().stopImap();
      await record.waitUntil(() => record.states.at(-1)?.state !== 'online');
      await server().startImap();
      await server().deliver(rig.bot, 'From: ada@herald.test\r\nMessage-ID: <after@x.test>\r\n\r\nafter\r\n');
      await record.waitFor(({ text }) => text === 'after', 15_000);
      await record.waitUntil(() => record.states.at(-1)?.state === 'online');
      expect(texts(record)).toEqual(['before', 'after']);
    }),
  );

  it('a connection that is dead without a word is found', () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start(undefined, { options: { waits: { ...PATIENT, commandMs: 250 } } });
      await rig.say({ text: 'before' });
      await record.waitFor(({ text }) => text === 'before', 10_000);
      rig.imap.freeze();
      await rig.say({ text: 'into the void' });
      await record.waitFor(({ text }) => text === 'into the void', 10_000);
      expect(rig.imap.connections()).toBeGreaterThan(1);
    }));

  it('when the server numbers its mails anew, nothing is lost, doubled or dug up', () =>
    withRig(server(), async (rig) => {
      const date = new Date(Date.now() - 600_000).toUTCString();
      await server().deliver(rig.bot, `From: ${rig.adaAddress}\r\nDate: ${date}\r\n\r\nfrom before\r\n`);
      const first = await rig.start();
      await rig.say({ text: 'one' });
      await rig.say({ text: 'two' });
      await first.record.waitFor(({ text }) => text === 'two');
      await first.adapter.stop();
      const before = [...first.record.cursors].find(([key]) => key.startsWith('position/'))?.[1];
      await rig.say({ text: 'three' });
      await server().settle();
      renumber(path.join(server().homeOf(rig.bot), 'Maildir'));
      const { record } = await rig.start({ cursors: first.record.cursors, received: first.record.received });
      await record.waitFor(({ text }) => text === 'three');
      await rig.say({ text: 'four' });
      await record.waitFor(({ text }) => text === 'four');
      expect(texts(record)).toEqual(['one', 'two', 'three', 'four']);
      const after = [...record.cursors].find(([key]) => key.startsWith('position/'))?.[1];
      expect(after?.split(' ')[0]).not.toBe(before?.split(' ')[0]);
      expect(record.gaps).toEqual([]);
    }));

  it('of a long absence the latest mails are taken, and the others told', () =>
    withRig(server(), async (rig) => {
      const first = await rig.start();
      await rig.say({ text: 'hello' });
      await first.record.waitFor(({ text }) => text === 'hello');
      const thread = first.record.received[0]?.thread;
      await first.adapter.stop();
      const old = (i: number) => `From: ${rig.adaAddress}\r\nMessage-ID: <old${i}@x.test>\r\n\r\nold ${i}\r\n`;
      await withMailbox(server(), rig.bot, async (client) => {
        for (const i of [1, 2]) await client.append('INBOX', old(i), [], new Date(Date.now() - 3 * DAY_MS));
        await client.append('INBOX', 'From: stranger@x.test\r\n\r\nold\r\n', [], new Date(Date.now() - 3 * DAY_MS));
        await client.append(
          'INBOX',
          `${old(3).trimEnd()}`.replace('From', 'Precedence: bulk\r\nFrom'),
          [],
          new Date(Date.now() - 3 * DAY_MS),
        );
      });
      for (let i = 1; i <= 4; i++) await rig.say({ text: `new ${i}` });
      await server().settle();
      const { record } = await rig.start({
        cursors: first.record.cursors,
        received: first.record.received,
        backfill: { maxAgeMs: DAY_MS, maxMessages: 2 },
      });
      await record.waitFor(({ text }) => text === 'new 4');
      expect(texts(record)).toEqual(['hello', 'new 3', 'new 4']);
      expect(record.gaps).toMatchObject([
        { chat: { id: rig.adaAddress, kind: 'dm', thread }, missed: 4, reason: 'limit' },
      ]);
    }));

  it('a mail that cannot be fetched is left out after some tries, and those behind it come', { timeout: 30_000 }, () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start(undefined, { options: { waits: { idleMs: 25, pollMs: 25, retryMs: 10 } } });
      rig.imap.tamper((said) =>
        said.replace(/BODYSTRUCTURE \(("TEXT" "PLAIN" [^)]*"X" "poison")/i, 'BODYSTRUCTURE (((((]}$1'),
      );
      const mail = (text: string, type: string) =>
        `From: ada@herald.test\r\nContent-Type: text/plain; x=${type}\r\n\r\n${text}\r\n`;
      await server().deliver(rig.bot, mail('poisoned', 'poison'));
      await server().deliver(rig.bot, mail('healthy', 'fine'));
      await record.waitFor(({ text }) => text === 'healthy', 20_000);
      expect(texts(record)).toEqual(['healthy']);
      expect(record.logs.join('\n')).toContain('a mail that cannot be fetched is left out');
    }),
  );

  it('a password that stops working asks for another one, and says how', () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start();
      rig.imap.tamper((said) =>
        said.replace(/^(\S+) OK (?:\[CAPABILITY[^\]]*\] )?Logged in/m, '$1 NO [AUTHENTICATIONFAILED] no'),
      );
      rig.imap.disconnect();
      await record.waitUntil(() => record.states.at(-1)?.state === 'needs-login');
      expect(record.states.at(-1)?.detail).toMatch(/app password.*EMAIL_PASSWORD/);
      const tries = rig.imap.connections();
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(rig.imap.connections(), 'it is not tried again in a hurry').toBe(tries);
    }));

  it('nobody vouches for a sender whose mail was not checked, or is another’s', () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start();
      await rig.say({ text: 'checked' });
      await rig.say({ text: 'unchecked' }, { from: `eve@${UNCHECKED_DOMAIN}` });
      await rig.say({ text: 'forged' }, { envelope: 'eve@evil.test' });
      await rig.say(
        { text: 'forged with results' },
        {
          envelope: `eve@${UNCHECKED_DOMAIN}`,
          headers: { 'Authentication-Results': 'mail.herald.test; dmarc=pass header.from=herald.test' },
        },
      );
      await record.waitFor(({ text }) => text === 'forged with results');
      expect(record.received.map(({ text, sender }) => [text, sender.verified])).toEqual([
        ['checked', true],
        ['unchecked', false],
        ['forged', false],
        ['forged with results', false],
      ]);
      expect(record.logs.join('\n')).toContain('trusted_authserv_ids');
    }));

  it('what nobody vouches for has no say in a conversation', () =>
    withRig(server(), async (rig) => {
      const { record } = await rig.start();
      await rig.say({ text: 'mine' }, { subject: 'Plans' });
      await record.waitFor(({ text }) => text.includes('mine'));
      const thread = record.received[0]?.thread ?? '';
      await rig.say(
        { text: 'forged', at: rig.at(rig.adaAddress, thread) },
        { envelope: 'eve@evil.test', subject: 'Other' },
      );
      await record.waitFor(({ text }) => text.includes('forged'));
      const kept = [...record.cursors].filter(([key]) => key.startsWith('thread/')).map(([, value]) => value);
      expect(kept).toHaveLength(1);
      expect(JSON.parse(kept[0] ?? '')).toMatchObject({ subject: 'Plans', ids: [thread] });
    }));
});

/** Gives the folder another UIDVALIDITY, as a restored or moved mailbox has. */
function renumber(folder: string): void {
  for (const name of readdirSync(folder)) if (name.startsWith('dovecot.index')) rmSync(path.join(folder, name));
  const list = path.join(folder, 'dovecot-uidlist');
  writeFileSync(
    list,
    readFileSync(list, 'utf8').replace(/^3 V(\d+)/, (_, validity: string) => `3 V${Number(validity) + 1_000}`),
  );
}
