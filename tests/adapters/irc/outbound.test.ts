// What goes out, to whom, and what is known of it.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboundMessage, SendResult } from '../../../adapters/contract.ts';
import { userId } from '../../../shared/ids.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { waitFor } from '../../support/gateway-process.ts';
import { startIrcServer, type IrcServer } from '../../support/irc/ircv3-server.ts';
import { addressOf, openIrc, type IrcRig } from './irc-rig.ts';

describe('messages', () => {
  let server: IrcServer;
  let rig: IrcRig;
  const send = (
    chat: string,
    message: OutboundMessage | string,
    signal = AbortSignal.timeout(5_000),
  ): Promise<SendResult> =>
    rig.adapter.send(addressOf(chat), typeof message === 'string' ? makeOutbound(message) : message, signal);
  const heard = (nick = 'Ada') => server.heard(nick).map((line) => line.text);

  beforeEach(async () => {
    server = await startIrcServer();
    server.addUser('Ada', 'adal');
    rig = await openIrc(server.port, { settings: { channels: ['#herald'] } });
    server.say('Ada', 'herald', 'hi');
    await rig.record.waitFor((message) => message.text === 'hi');
  });
  afterEach(async () => {
    await rig.close();
    await server.close();
  });

  it('follow a person to another nick, seen or after a restart', async () => {
    server.rename('Ada', 'Ada_away');
    server.say('Ada_away', '#herald', 'still me');
    await rig.record.waitFor((message) => message.text === 'still me');
    expect(await send('account:adal', 'one')).toMatchObject({ ok: true });
    await rig.restart();
    expect(await send('account:adal', 'two')).toMatchObject({ ok: true });
    expect(heard('Ada_away')).toEqual(['one', 'two']);
  });

  it('never go to somebody else who has the nick now', async () => {
    server.removeUser('Ada');
    expect(await send('account:adal', 'secret')).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
    server.addUser('Ada', 'mallory');
    expect(await send('account:adal', 'secret')).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
    server.removeUser('Ada');
    server.addUser('Ada');
    expect(await send('account:adal', 'secret')).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
    expect(heard()).toEqual([]);
    server.removeUser('Ada');
    server.addUser('Ada', 'AdaL');
    expect(await send('account:adal', 'it is you')).toMatchObject({ ok: true });
    expect(heard()).toEqual(['it is you']);
  });

  it('are lines, with buttons and files as text', async () => {
    const file = { kind: 'document', path: '/x', name: 'my\nreport.pdf', mime: 'application/pdf', bytes: 1 } as const;
    const buttons = [[{ label: 'Yes', data: '/approve 1' }]];
    const message = { ...makeOutbound('one\n\ntwo'), files: [file], buttons };
    await rig.adapter.publishCommands?.([{ name: 'approve', description: '' }]);
    expect(await send('account:adal', message)).toMatchObject({ ok: true, ids: [message.key] });
    expect(heard()).toEqual(['one', 'two', 'File: my report.pdf (it cannot be sent here)', 'Yes: !approve 1']);
  });

  it('of very many short lines share lines', async () => {
    const text = Array.from({ length: 80 }, (_, i) => `${i % 10}`).join('\n');
    await send('account:adal', `\`\`\`\n${text}\n\`\`\``);
    expect(heard().length).toBeLessThan(5);
    expect(heard().join(' / ').split(' / ')).toHaveLength(80);
  });

  it('in a channel are no commands for its bots', async () => {
    await send('#herald', '!op mallory\n\n.kick ada\n\n- a list');
    expect(heard()).toEqual([' !op mallory', ' .kick ada', '- a list']);
    await send('account:adal', '!fine here');
    expect(heard().at(-1)).toBe('!fine here');
  });

  it.each([
    ['404', 'forbidden'],
    ['477', 'forbidden'],
    ['417', 'too_long'],
    ['439', 'rate_limited'],
    ['401', 'unreachable'],
    ['412', 'bad_request'],
  ])('that the server refuses with %s give %s', async (numeric, code) => {
    server.refuse(numeric);
    expect(await send('account:adal', 'one\n\ntwo')).toMatchObject({ ok: false, code, reached: 'no' });
  });

  it('of which one line was refused may have been read', async () => {
    server.failNext({ numeric: '404', reason: 'not that' });
    expect(await send('account:adal', 'one\n\ntwo')).toMatchObject({ ok: false, code: 'forbidden', reached: 'maybe' });
    expect(heard()).toEqual(['two']);
  });

  it('that are empty, too long or for nobody are answers', async () => {
    expect(await send('account:adal', ' ')).toMatchObject({ code: 'bad_request', reached: 'no' });
    expect(await send('account:adal', 'x'.repeat(351))).toMatchObject({ code: 'too_long', reached: 'no' });
    expect(await send('nick:a b', 'x')).toMatchObject({ code: 'not_found', reached: 'no' });
    expect(await send('account:never seen', 'x')).toMatchObject({ code: 'not_found', reached: 'no' });
    expect(await send('#elsewhere', 'x')).toMatchObject({ code: 'not_found', reached: 'no' });
    expect(await rig.adapter.openDm?.(userId('account:adal'))).toMatchObject({ chat: 'account:adal', kind: 'dm' });
    expect(await rig.adapter.openDm?.(userId('#herald'))).toBeUndefined();
  });

  it('that were given up while the server was silent may have gone out; before that they did not', async () => {
    const controller = new AbortController();
    server.silence(true);
    const stuck = send('#herald', 'hello?', controller.signal);
    await waitFor('the line', () => heard().includes('hello?'));
    controller.abort();
    expect(await stuck).toMatchObject({ ok: false, code: 'unreachable', reached: 'maybe' });
    expect(await send('#herald', 'no', AbortSignal.abort())).toMatchObject({ ok: false, reached: 'no' });
    server.silence(false);
    expect(heard()).toEqual(['hello?']);
  });
});
