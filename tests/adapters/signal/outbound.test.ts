import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, explainFailure, RecipientError } from '../../../adapters/signal/errors.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import type { OutboundMessage } from '../../../adapters/contract.ts';
import { messageId, type MessageId } from '../../../shared/ids.ts';
import type { Address } from '../../../shared/messages.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import { dmWith, inGroup, startSignal, timestampOf, type Started } from './signal-harness.ts';

describe('outbound', () => {
  let rig: Started;
  beforeEach(async () => {
    rig = await startSignal();
  });
  afterEach(() => rig.close());

  const send = (to: Address, message: OutboundMessage | string) =>
    rig.adapter.send(to, typeof message === 'string' ? makeOutbound(message) : message, AbortSignal.timeout(10_000));
  const sent = async (to: Address, message: OutboundMessage | string): Promise<MessageId> => {
    const result = await send(to, message);
    if (!result.ok) throw result.cause;
    const [id] = result.ids;
    if (id === undefined) throw new Error('no id');
    return id;
  };
  const bodies = (route: string) =>
    rig.server.requests.filter(({ method, path: at }) => `${method} ${at}`.startsWith(route)).map(({ body }) => body);

  it('an answer in either shape names the message', async () => {
    const route = 'POST /v2/send';
    rig.server.fail({ route, status: 201, body: { timestamp: '1795260000000' } });
    expect(await send(rig.dm, 'one')).toEqual({ ok: true, ids: ['1795260000000:me'] });
    rig.server.fail({ route, status: 201, body: [{ timestamp: '1795260000001', errors: null }] });
    expect(await send(rig.dm, 'two')).toEqual({ ok: true, ids: ['1795260000001:me'] });
    rig.server.fail({ route, status: 201, body: [] });
    expect(await send(rig.dm, 'three')).toMatchObject({ ok: false, reached: 'maybe' });
  });

  it('a text without marks goes out as it is, one with marks is escaped', async () => {
    await sent(rig.dm, '2 \\* 3 \\_ ~');
    await sent(rig.dm, '**2** \\* 3 |');
    expect(bodies('POST /v2/send')).toMatchObject([
      { message: '2 * 3 _ ~', text_mode: 'normal' },
      { message: '**2** \\* 3 \\|', text_mode: 'styled' },
    ]);
  });

  it('quotes carry author and text of what they answer, as far as it was seen', async () => {
    const timestamp = rig.ada.dm.write('which colour?');
    const { id } = await rig.record.waitFor((message) => message.text === 'which colour?');
    await sent(rig.dm, { ...makeOutbound('blue'), replyTo: id });
    await sent(rig.dm, { ...makeOutbound('green'), replyTo: messageId('77:+4930') });
    await sent(rig.dm, { ...makeOutbound('red'), replyTo: messageId('odd') });
    const quotes = rig.server.messages(rig.ada.uuid).map((message) => message.quote);
    expect(quotes).toEqual([
      { timestamp, author: rig.ada.uuid, text: 'which colour?' },
      { timestamp: 77, author: '+4930', text: undefined },
      undefined,
    ]);
  });

  it('each edit names the latest version, also after a restart, and the message keeps its id', async () => {
    const id = await sent(rig.dm, 'draft');
    const edit = (text: string) => rig.adapter.edit?.(rig.dm, id, makeOutbound(text), AbortSignal.timeout(10_000));
    expect(await edit('second')).toEqual({ ok: true, ids: [id] });
    expect(await edit('third **bold**')).toEqual({ ok: true, ids: [id] });
    expect(rig.server.messages(rig.ada.uuid)).toMatchObject([{ timestamp: timestampOf(id), text: 'third bold' }]);
    const stored = JSON.parse(rig.record.cursors.get('edits') ?? '[]') as { revisions: number[] }[];
    expect(stored[0]?.revisions).toHaveLength(2);
    // Quotes name whichever version a reader's app had.
    const [latest] = rig.server.messages(rig.ada.uuid);
    rig.ada.dm.write('that?', { quote: { timestamp: latest?.revision ?? 0, author: 'account', text: 'third' } });
    const got = await rig.record.waitFor((message) => message.text === 'that?');
    expect(got.replyTo).toMatchObject({ message: id, mine: true });
    const foreign = await rig.adapter.edit?.(rig.dm, got.id, makeOutbound('x'), AbortSignal.timeout(10_000));
    expect(foreign).toMatchObject({ ok: false, code: 'forbidden', reached: 'no' });
  });

  it('edits of edits that people make have the id of the first version', async () => {
    const first = rig.ada.dm.write('helo');
    const second = rig.ada.dm.edit(first, 'hello');
    rig.ada.dm.edit(second, 'hello!');
    await rig.record.waitFor((message) => message.text === 'hello!');
    expect(new Set(rig.record.received.map((message) => message.id))).toEqual(new Set([`${first}:${rig.ada.uuid}`]));
  });

  it('reactions name the author, whoever it is', async () => {
    const timestamp = rig.ada.dm.write('nice');
    const { id } = await rig.record.waitFor((message) => message.text === 'nice');
    expect(await rig.adapter.react?.(rig.dm, id, '👀')).toMatchObject({ ok: true });
    expect(await rig.adapter.react?.(rig.dm, id, undefined)).toMatchObject({ ok: true });
    const target = { recipient: rig.ada.uuid, target_author: rig.ada.uuid, timestamp };
    expect(bodies('POST /v1/reactions')).toEqual([{ ...target, reaction: '👀' }]);
    expect(bodies('DELETE /v1/reactions')).toEqual([target]);
    expect(await rig.adapter.react?.(rig.dm, messageId('odd'), '👀')).toMatchObject({ ok: false, code: 'not_found' });
  });

  it('the message ends the typing that was shown before it', async () => {
    await rig.adapter.typing?.(rig.dm);
    expect(rig.server.isTyping(rig.ada.uuid)).toBe(true);
    await sent(rig.dm, 'done');
    await sent(rig.dm, 'again');
    await rig.server.until('the end of typing', () => bodies('DELETE /v1/typing-indicator').length === 1);
    await rig.server.goAway();
    await rig.adapter.typing?.(rig.dm);
  });

  it('a group is written to by the id of the server', async () => {
    const group = rig.server.group('Team');
    rig.ada.in(group).write('hello all');
    const got = await rig.record.waitFor((message) => message.text === 'hello all');
    const to = inGroup(rig.server, group);
    expect(got.chat).toBe(to.chat);
    await sent(to, 'hello');
    expect(rig.server.messages(group.id)).toMatchObject([{ text: 'hello' }]);
  });

  it('files go out whole, with names that cannot leave their folder or end their header', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'herald-signal-'));
    const bytes = new Uint8Array(200_001).map((_, i) => (i * 7) % 251);
    const file = path.join(folder, 'x');
    await writeFile(file, bytes);
    const base = { kind: 'document', path: file, mime: 'application/pdf', bytes: bytes.length } as const;
    const names = ['../../etc/a;b,c.pdf', '', 'ünï "quoted".pdf', '.hidden'];
    await sent(rig.dm, { ...makeOutbound('four'), files: names.map((name) => ({ ...base, name })) });
    await sent(rig.dm, { ...makeOutbound(''), files: [{ ...base, name: 'a.bin', mime: 'odd;mime' }] });
    const [four, one] = rig.server.messages(rig.ada.uuid);
    expect(four?.files.map(({ name }) => name)).toEqual(['__.._etc_a_b_c.pdf', 'file', 'ünï _quoted_.pdf', '_hidden']);
    for (const got of four?.files ?? []) expect(Buffer.from(got.bytes).equals(bytes)).toBe(true);
    expect(one?.files).toMatchObject([{ mime: 'application/octet-stream' }]);
    await writeFile(file, '');
    const empty = { ...makeOutbound(''), files: [{ ...base, name: 'a' }] };
    expect(await send(rig.dm, empty)).toMatchObject({ ok: false, code: 'bad_request', reached: 'no' });
    await rm(folder, { recursive: true });
  });

  it('a captcha that Signal wants is shown until a message goes out', async () => {
    const body = { error: 'rate limited', challenge_tokens: ['tok-123'], account: rig.server.number };
    rig.server.fail({ route: 'POST /v2/send', status: 429, body });
    expect(await send(rig.dm, 'one')).toMatchObject({
      ok: false,
      code: 'rate_limited',
      reached: 'no',
      retryAfterMs: 600_000,
    });
    const step = rig.record.logins.at(-1);
    expect(step).toMatchObject({ kind: 'text' });
    expect(step?.kind === 'text' && step.text).toContain('tok-123');
    expect(rig.record.states.at(-1)).toMatchObject({ state: 'online' });
    expect(rig.record.states.at(-1)?.detail).toContain('captcha');
    expect(rig.record.logs.join('\n')).not.toContain('tok-123');
    await sent(rig.dm, 'two');
    expect(rig.record.logins.at(-1)).toBeUndefined();
    expect(rig.record.states.at(-1)).toEqual({ state: 'online', detail: undefined });
  });

  it('a person who does not exist is only told as such when the server says so', async () => {
    const nobody = dmWith(rig.server, '99999999-9999-4999-8999-999999999999');
    expect(await send(nobody, 'hi')).toMatchObject({ ok: false, reached: 'maybe' });
  });
});

describe('Note to Self', () => {
  it('is a chat like any other: what the phone writes is answered, and our answer does not come back as a message', async () => {
    const rig = await startSignal({ settings: { note_to_self_only: true } });
    const { server, adapter, record } = rig;
    try {
      server.phone.noteToSelf('remind me');
      const got = await record.waitFor((message) => message.text === 'remind me');
      expect(got).toMatchObject({ chat: server.uuid, chatKind: 'dm', sender: { id: server.uuid } });
      const to = dmWith(server, got.chat);
      // The phone's copy of our own message comes before the server has told us its timestamp.
      const gate = Promise.withResolvers<void>();
      server.fail({ route: 'POST /v2/send', hold: gate.promise });
      const sending = adapter.send(to, makeOutbound('I will'), AbortSignal.timeout(10_000));
      server.phone.echo(await server.waitForText(server.uuid, 'I will'));
      server.phone.noteToSelf('thanks');
      gate.resolve();
      expect(await sending).toMatchObject({ ok: true });
      await record.waitFor((message) => message.text === 'thanks');
      rig.ada.dm.write('private talk');
      server.phone.noteToSelf('last');
      await record.waitFor((message) => message.text === 'last');
      expect(record.received.map((message) => message.text)).toEqual(['remind me', 'thanks', 'last']);
    } finally {
      await rig.close();
    }
  });
});

describe('failures in the words of the server', () => {
  const explain = (error: unknown) => {
    const { code, reached } = explainFailure(error, makeRedactor());
    return `${code} ${reached}`;
  };

  it.each([
    [401, '', 'auth no'],
    [404, '', 'unsupported no'],
    [429, 'rate limited', 'rate_limited no'],
    [502, '', 'unreachable maybe'],
    [400, 'Unable to complete request due to untrusted recipient keys', 'forbidden no'],
    [400, 'Failed to send message due to untrusted identities', 'forbidden no'],
    [400, 'Specified account does not exist', 'auth no'],
    [400, 'User +4930 is not registered.\n', 'auth no'],
    [400, '[401] Authorization failed! (AuthorizationFailedException)', 'auth no'],
    [400, 'The user +4930 is not registered.', 'not_found no'],
    [400, '{"results":[{"type":"UNREGISTERED_FAILURE"}]}\nFailed to send message', 'not_found no'],
    [400, 'Group not found: abc=', 'not_found no'],
    [400, 'User is not a member in group: Team (abc=)', 'forbidden no'],
    [400, 'CAPTCHA proof required for sending to "+49"', 'rate_limited no'],
    [400, 'Failed to send message: Connection reset (SocketException)', 'unreachable maybe'],
    [400, 'process killed as timeout reached', 'unreachable maybe'],
    [400, "Couldn't process request - please provide a valid number", 'bad_request no'],
    [400, 'Failed to add attachment', 'bad_request no'],
    [400, 'Failed to send message', 'bad_request maybe'],
  ])('%i %s', (status, words, verdict) => {
    expect(explain(new ApiError(status, words))).toBe(verdict);
  });

  it.each([
    ['UNREGISTERED_FAILURE', 'not_found no'],
    ['IDENTITY_FAILURE', 'forbidden no'],
    ['RATE_LIMIT_FAILURE', 'rate_limited no'],
    ['NETWORK_FAILURE', 'unreachable maybe'],
    ['INVALID_PRE_KEY_FAILURE', 'unreachable no'],
    ['SOMETHING_NEW', 'unreachable maybe'],
  ])('for the one person it was for: %s', (reason, verdict) => {
    expect(explain(new RecipientError(reason))).toBe(verdict);
  });

  it('in a group that some could not get it is no failure', async () => {
    const rig = await startSignal();
    const group = rig.server.group('Team');
    const body = [{ timestamp: '5', errors: { recipients: [{ uuid: 'x', reason: 'UNREGISTERED_FAILURE' }] } }];
    const route = 'POST /v2/send';
    rig.server.fail({ route, status: 201, body, times: 2 });
    const send = (to: Address) => rig.adapter.send(to, makeOutbound('x'), AbortSignal.timeout(10_000));
    expect(await send(inGroup(rig.server, group))).toEqual({ ok: true, ids: ['5:me'] });
    expect(await send(rig.dm)).toMatchObject({ ok: false, code: 'not_found', reached: 'no' });
    await rig.close();
  });

  it('tells the wait that signal-cli names', () => {
    const failure = explainFailure(
      new ApiError(400, 'Rate limit failure for "+49", retry after 90 seconds'),
      makeRedactor(),
    );
    expect(failure).toMatchObject({ code: 'rate_limited', retryAfterMs: 90_000 });
  });
});
