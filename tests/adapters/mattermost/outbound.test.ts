import { describe, expect, it } from 'vitest';
import type { Adapter } from '../../../adapters/contract.ts';
import { ApiError, explainFailure } from '../../../adapters/mattermost/errors.ts';
import { messageId } from '../../../shared/ids.ts';
import { makeRedactor } from '../../../shared/redact.ts';
import { makeOutbound, sampleFile, withFile } from '../../contracts/adapter-samples.ts';
import { startMattermost, type MattermostServer } from '../../support/mattermost/server.ts';
import { addressOf, startAdapter } from './mattermost-harness.ts';

async function withAdapter(run: (adapter: Adapter, server: MattermostServer) => Promise<void>): Promise<void> {
  const server = await startMattermost();
  const { adapter, record } = await startAdapter(server);
  try {
    await run(adapter, server);
  } finally {
    await adapter.stop();
    await record.close();
    await server.close();
  }
}

const signal = () => AbortSignal.timeout(10_000);

describe('sending', () => {
  it('the same key at once makes one post, in one thread or none', () =>
    withAdapter(async (adapter, server) => {
      const message = makeOutbound('once');
      const [one, two] = await Promise.all([0, 1].map(() => adapter.send(addressOf(server.dm), message, signal())));
      expect(one).toEqual(two);
      expect(server.ours(server.dm.id)).toHaveLength(1);
    }));

  it('a thread whose beginning was deleted: the answer comes into the channel', () =>
    withAdapter(async (adapter, server) => {
      const root = server.world.post(server.ann.id, server.town, 'question');
      server.world.delete(root);
      const result = await adapter.send(addressOf(server.town, root.id), makeOutbound('answer'), signal());
      expect(result.ok).toBe(true);
      expect(server.ours(server.town.id)).toMatchObject([{ message: 'answer', root_id: '' }]);
    }));

  it('more files than a post holds follow in another one, and are found together', () =>
    withAdapter(async (adapter, server) => {
      await withFile(sampleFile('document'), async (file) => {
        const message = { ...makeOutbound('many files'), files: Array.from({ length: 12 }, () => file) };
        const sent = await adapter.send(addressOf(server.dm), message, signal());
        const posts = server.ours(server.dm.id);
        expect(posts.map((post) => [post.message, post.file_ids.length])).toEqual([
          ['many files', 10],
          ['', 2],
        ]);
        expect(await adapter.find?.(addressOf(server.dm), message.key)).toEqual(sent);
        const last = posts[1];
        if (last) server.world.delete(last);
        expect(await adapter.find?.(addressOf(server.dm), message.key)).toMatchObject({ ok: false, reached: 'maybe' });
      });
    }));

  it('an upload that fails sends nothing, and says so', () =>
    withAdapter(async (adapter, server) => {
      await withFile(sampleFile('image'), async (file) => {
        const send = () => adapter.send(addressOf(server.dm), { ...makeOutbound('x'), files: [file] }, signal());
        for (const fault of [{ drop: 'after' }, { drop: 'before' }, { status: 500 }] as const) {
          server.fail({ route: /^POST \/files$/, ...fault });
          expect(await send()).toMatchObject({ ok: false, code: 'unreachable', reached: 'no' });
        }
        server.fail({ route: /^POST \/files$/, status: 413, id: 'api.file.upload_file.too_large_detailed.app_error' });
        expect(await send()).toMatchObject({ ok: false, code: 'too_long', reached: 'no' });
        expect(server.ours(server.dm.id)).toEqual([]);
      });
    }));

  it("somebody else's post with our key in it is not found", () =>
    withAdapter(async (adapter, server) => {
      server.world.post(server.ann.id, server.dm, 'forged', { props: { herald_key: 'key-1' } });
      expect(await adapter.find?.(addressOf(server.dm), 'key-1')).toBeUndefined();
    }));

  it('an edit of a deleted post is not found, of one of another user forbidden', () =>
    withAdapter(async (adapter, server) => {
      const edit = (id: string) => adapter.edit?.(addressOf(server.dm), messageId(id), makeOutbound('new'), signal());
      const gone = server.world.post(server.bot.id, server.dm, 'old');
      server.world.delete(gone);
      expect(await edit(gone.id)).toMatchObject({ ok: false, code: 'not_found', reached: 'no' });
      const theirs = server.world.post(server.ann.id, server.dm, 'mine');
      expect(await edit(theirs.id)).toMatchObject({ ok: false, code: 'forbidden', reached: 'no' });
    }));

  it('reactions: one replaces the other, an unknown emoji is unsupported', () =>
    withAdapter(async (adapter, server) => {
      const post = server.world.post(server.ann.id, server.dm, 'hi');
      const react = (emoji: string | undefined) => adapter.react?.(addressOf(server.dm), messageId(post.id), emoji);
      await react('👀');
      expect(await react('✔️')).toMatchObject({ ok: true });
      expect(server.world.reactions.map((one) => one.emoji_name)).toEqual(['heavy_check_mark']);
      expect(await react('🦑')).toMatchObject({ ok: false, code: 'unsupported', reached: 'no' });
    }));

  it('typing tells the thread, and an address that is none is not asked for', () =>
    withAdapter(async (adapter, server) => {
      await adapter.typing?.(addressOf(server.town));
      expect(server.world.typing.has(server.town.id)).toBe(true);
      const nowhere = { ...addressOf(server.dm), chat: addressOf({ ...server.dm, id: '../users' }).chat };
      expect(await adapter.send(nowhere, makeOutbound('x'), signal())).toMatchObject({ ok: false, code: 'not_found' });
    }));
});

describe('errors', () => {
  it.each([
    [401, 'api.context.session_expired.app_error', 'auth', 'no'],
    [403, 'api.context.permissions.app_error', 'forbidden', 'no'],
    [404, '', 'not_found', 'no'],
    [400, 'model.post.is_valid.message_length.app_error', 'too_long', 'no'],
    [400, 'api.post.create_post.can_not_post_to_deleted.error', 'forbidden', 'no'],
    [400, 'api.context.invalid_url_param.app_error', 'not_found', 'no'],
    [400, 'anything.else', 'bad_request', 'no'],
    [413, '', 'too_long', 'no'],
    [429, '', 'rate_limited', 'no'],
    [500, 'api.post.deduplicate_create_post.pending', 'unreachable', 'maybe'],
    [502, '', 'unreachable', 'maybe'],
  ])('%i %s is %s', (status, id, code, reached) => {
    expect(explainFailure(new ApiError(status, id, 'words'), makeRedactor())).toMatchObject({ code, reached });
  });

  it('no cause holds the token', () => {
    const error = new ApiError(500, '', 'Bearer secret-token-of-the-bot');
    const { cause } = explainFailure(error, makeRedactor(['secret-token-of-the-bot']));
    expect(cause.message).not.toContain('secret-token');
  });
});
