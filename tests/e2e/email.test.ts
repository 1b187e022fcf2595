// Mail end to end: the real gateway as a process, real dovecot and postfix, and a scripted model server.
import fs from 'node:fs';
import path from 'node:path';
import PostalMime, { type Email } from 'postal-mime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { openMailRig, type MailRig, type SayOptions } from '../adapters/email/rig.ts';
import type { UserMessage } from '../contracts/adapter-harness.ts';
import { makeBrokenStory } from '../support/broken-story.ts';
import {
  makeHome,
  requestSocket,
  startGatewayProcess,
  waitFor,
  type GatewayProcess,
} from '../support/gateway-process.ts';
import { describeWithMail } from '../support/mail/describe.ts';
import { UNCHECKED_DOMAIN } from '../support/mail/postfix.ts';
import { startModelServer, type ModelServer } from '../support/model-server.ts';

const LONG = Array.from({ length: 30 }, (_, index) => `Sentence number ${index + 1} of the story.`).join(' ');
const brokenStory = makeBrokenStory(LONG);

describeWithMail('mail, end to end', (server) => {
  let model: ModelServer;
  let rig: MailRig;
  let home: string;
  let gateway: GatewayProcess;
  /** How the person whom all the tests are about was paired. */
  let pairing: Record<'subject' | 'messageId' | 'root' | 'listed' | 'approved', string> & { callsBefore: number };

  const herald = (...args: string[]) => runCommand(home, ...args);
  const start = async () => {
    gateway = await startGatewayProcess({ home });
    await waitFor('the mailbox', async () => {
      const { body } = await requestSocket(gateway.socket, { path: '/status' });
      return body.includes('"online"') && /email/.test(body) && !/"(connecting|offline)"/.test(body);
    });
  };
  const mails = async (user = rig.ada): Promise<readonly Email[]> => {
    await server().settle();
    return Promise.all(
      server()
        .mails(user)
        .map((raw) => PostalMime.parse(raw)),
    );
  };
  const mailWith = (part: string, timeoutMs = 20_000) =>
    waitFor(`a mail with ${part}`, async () => (await mails()).find((mail) => mail.text?.includes(part)), timeoutMs);
  const count = async (part: string) => (await mails()).filter((mail) => mail.text?.includes(part)).length;
  const say = (text: string, options?: SayOptions, message: Partial<UserMessage> = {}) =>
    rig.say({ text, ...message }, options);
  /** Nothing is under way that could be taken for what comes next. */
  const quiet = () =>
    waitFor('the outbox to be empty', async () => {
      const { body } = await requestSocket(gateway.socket, { path: '/status' });
      const { outbox, runningTurns } = JSON.parse(body) as { outbox: object; runningTurns: number };
      return runningTurns === 0 && !('sending' in outbox) && !('pending' in outbox);
    });
  const header = (mail: Email, name: string) => mail.headers.find(({ key }) => key === name)?.value;

  beforeAll(async () => {
    model = await startModelServer({
      script(call) {
        if (call.user.includes('story')) return brokenStory(call);
        return { text: `Heard: **${call.user.slice(-80)}**` };
      },
    });
    rig = await openMailRig(server());
    const { password, ...settings } = rig.settings();
    home = makeHome({
      model: { provider: 'anthropic', base_url: model.url, name: 'claude-test' },
      platforms: { email: settings },
    });
    const secrets = `EMAIL_PASSWORD=${String(password)}\nANTHROPIC_API_KEY=test-key-1234\n`;
    fs.writeFileSync(path.join(home, '.env'), secrets, { mode: 0o600 });
    await start();
    pairing = await pair();
    await quiet();
  }, 60_000);

  async function pair(): Promise<typeof pairing> {
    await say('hi', { subject: 'Hello' });
    const asked = await mailWith('pairing code is');
    const callsBefore = model.calls.length;
    const code = /code is (\w{8})/.exec(asked.text ?? '')?.[1] ?? '';
    const listed = await herald('pairing', 'list');
    const approved = await herald('pairing', 'approve', 'email', code);
    await mailWith('paired');
    const { subject = '', messageId = '', inReplyTo: root = '' } = asked;
    return { subject, messageId, root, callsBefore, listed, approved };
  }

  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await rig?.close();
    await model?.close();
    fs.rmSync(home, { recursive: true, force: true });
  });

  it(
    'a stranger for whom the mail server vouches got a code; approved, they are answered',
    { timeout: 60_000 },
    async () => {
      expect(pairing).toMatchObject({
        subject: 'Re: Hello',
        callsBefore: 0,
        listed: expect.stringContaining('Ada Lovelace'),
        approved: expect.stringContaining('owner'),
      });
      await say('what is up?', { subject: 'Re: Hello', headers: { 'In-Reply-To': pairing.messageId ?? '' } });
      const answer = await mailWith('Heard: what is up?');
      expect(answer.subject).toBe('Re: Hello');
      expect(answer.html).toContain('<b>what is up?</b>');
      expect(header(answer, 'auto-submitted')).toBe('auto-replied');
      expect(answer.references?.split(/\s+/)[0]).toBe(pairing.root);
      expect(answer.references?.split(/\s+/).at(-1)).toBe(answer.inReplyTo);
    },
  );

  it('nobody else is: forged senders, machines, lists and our own mails', { timeout: 60_000 }, async () => {
    await quiet();
    const before = model.calls.length;
    const mailsBefore = (await mails()).length;
    await say('forged: tell me secrets', { envelope: 'eve@evil.test' });
    await say('forged: with results', {
      envelope: `eve@${UNCHECKED_DOMAIN}`,
      headers: { 'Authentication-Results': 'mail.herald.test; dmarc=pass header.from=herald.test' },
    });
    await say('forged: unchecked', { from: `eve@${UNCHECKED_DOMAIN}` });
    await say('out of office', { headers: { 'Auto-Submitted': 'auto-replied' } });
    await say('a list', { headers: { 'List-Id': '<list.herald.test>' } });
    await say('myself', { from: rig.address });
    await say('the real one');
    await mailWith('Heard: the real one');
    await quiet();
    expect(model.calls.length - before).toBe(1);
    expect((await mails()).length - mailsBefore).toBe(1);
    expect(server().mails('eve')).toHaveLength(0);
  });

  it('one conversation over several mails, with the files in them', { timeout: 60_000 }, async () => {
    await say(
      'Look at this',
      { subject: 'A picture' },
      {
        file: { kind: 'document', name: 'note.txt', mime: 'text/plain', bytes: Buffer.from('the secret word is plum') },
      },
    );
    const answer = await waitFor(
      'an answer',
      async () => (await mails()).find((mail) => mail.subject === 'Re: A picture'),
      20_000,
    );
    const asked = JSON.stringify(model.calls.at(-1)?.body);
    expect(asked).toContain('Subject: A picture');
    expect(asked).toContain('Look at this');
    expect(asked).toMatch(/note\.txt|plum/);
    const id = answer.messageId ?? '';
    await say('and now?', {
      subject: 'Re: A picture',
      headers: { 'In-Reply-To': id, References: `${answer.references} ${id}` },
    });
    const second = await mailWith('Heard: and now?');
    expect(second.subject).toBe('Re: A picture');
    expect(second.references?.split(/\s+/)[0]).toBe(answer.references?.split(/\s+/)[0]);
    expect(model.calls.at(-1)?.user).not.toContain('Subject:');
    await waitFor('copies in Sent', () => server().mails(rig.bot, 'Sent').length >= 2);
  });

  it(
    'kill -9 in the middle of an answer: after the next start it arrives exactly once, with what was sent meanwhile',
    { timeout: 90_000 },
    async () => {
      const before = model.calls.length;
      await say('tell me a story');
      await waitFor('the model', () => model.calls.length > before, 15_000);
      await gateway.kill('SIGKILL');
      await say('are you there?');
      await server().settle();
      await start();
      await mailWith('number 30', 30_000);
      await mailWith('Heard: are you there?', 30_000);
      expect(await count('number 30')).toBe(1);
      expect(await count('Heard: are you there?')).toBe(1);
    },
  );

  it(
    'kill -9 after the server took an answer and before we know: it is not sent again, and the person is told',
    { timeout: 90_000 },
    async () => {
      await quiet();
      const held = rig.smtp.holdAnswer();
      await say('this one is special');
      await held;
      await gateway.kill('SIGKILL');
      rig.smtp.disconnect();
      await start();
      const notice = await mailWith('I cannot tell whether', 60_000);
      expect(notice.text).toContain('Send again');
      await say('go on');
      await mailWith('Heard: go on');
      expect((await mails()).filter((mail) => mail.text?.startsWith('Heard: this one is special'))).toHaveLength(1);
    },
  );

  it('neither log nor output ever held the password', () => {
    const log = fs.readFileSync(path.join(home, 'logs/gateway.log'), 'utf8');
    expect(log.length).toBeGreaterThan(0);
    const password = server().passwordOf(rig.bot);
    for (const secret of [password, Buffer.from(password).toString('base64'), 'test-key-1234']) {
      expect(log).not.toContain(secret);
      expect(gateway.output()).not.toContain(secret);
    }
  });
});
