// What happened while nobody listened is fetched, in order, once, within the limits; what comes live waits for it.
import { describe, expect, it } from 'vitest';
import type { RecordingHost, RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { startMattermost, type MattermostServer } from '../../support/mattermost/server.ts';
import { startAdapter } from './mattermost-harness.ts';

const HOUR_MS = 3_600_000;

interface Stage {
  server: MattermostServer;
  record(): RecordingHost;
  /** Kind and text of all that was received, without what a test began with. */
  news(): readonly string[];
  whileDown(
    run: () => void | Promise<void>,
    options?: RecordingHostOptions,
    prepare?: (record: RecordingHost) => void,
  ): Promise<void>;
}

async function onStage(
  run: (stage: Stage) => Promise<void>,
  extra: Record<string, unknown> | ((server: MattermostServer) => Record<string, unknown>) = {},
): Promise<void> {
  const server = await startMattermost();
  const settings = typeof extra === 'function' ? extra(server) : extra;
  let running = await startAdapter(server, {}, settings);
  const stage: Stage = {
    server,
    record: () => running.record,
    news: () =>
      running.record.received.map(({ kind, text }) => `${kind} ${text}`).filter((line) => !line.includes('known')),
    async whileDown(work, options, prepare) {
      await running.adapter.stop();
      const { cursors, received } = running.record;
      await running.record.close();
      await work();
      running = await startAdapter(server, { cursors, received, ...options }, settings, prepare);
    },
  };
  try {
    await run(stage);
  } finally {
    await running.adapter.stop();
    await running.record.close();
    await server.close();
  }
}

/** Says something that arrives live. */
async function know({ server, record }: Stage): Promise<void> {
  server.world.post(server.ann.id, server.dm, 'known in the dm');
  server.world.post(server.ann.id, server.town, 'known in town');
  await record().waitUntil(() => record().received.filter(({ text }) => text.startsWith('known')).length >= 2);
}

describe('backfill', () => {
  it('fetches all channels, threads, and people who wrote for the first time', () =>
    onStage(async (stage) => {
      const { server } = stage;
      const { world, ann, dm, town, bot } = server;
      await know(stage);
      const root = world.posts.find(({ message }) => message === 'known in town');
      await stage.whileDown(() => {
        world.post(ann.id, dm, 'one');
        world.post(ann.id, town, 'in the thread', { root_id: root?.id ?? '' });
        world.post(ann.id, dm, 'two');
        const eve = world.addUser('eve');
        world.post(eve.id, world.direct(bot.id, eve.id), 'three');
      });
      await stage.record().waitUntil(() => stage.news().length >= 4);
      expect([...stage.news()].sort()).toEqual([
        'message in the thread',
        'message one',
        'message three',
        'message two',
      ]);
      expect(stage.news().indexOf('message one')).toBeLessThan(stage.news().indexOf('message two'));
      expect(stage.record().gaps).toEqual([]);
    }));

  it('tells of edits and deletions, and of what was said and deleted meanwhile nothing', () =>
    onStage(async (stage) => {
      const { world, ann, dm } = stage.server;
      await know(stage);
      const edited = world.post(ann.id, dm, 'before');
      const deleted = world.post(ann.id, dm, 'never mind');
      await stage.record().waitFor(({ text }) => text === 'never mind');
      await stage.whileDown(() => {
        world.edit(edited, 'after');
        world.delete(deleted);
        world.delete(world.post(ann.id, dm, 'gone again'));
        world.react(ann.id, edited, 'eyes');
        world.post(ann.id, dm, 'last');
      });
      await stage.record().waitFor(({ text }) => text === 'last');
      expect([...stage.news()].sort()).toEqual([
        'delete ',
        'edit after',
        'message before',
        'message last',
        'message never mind',
      ]);
    }));

  it('stopped in the middle of it, the rest comes at the next start', () =>
    onStage(async (stage) => {
      const { world, ann, dm } = stage.server;
      await know(stage);
      const old = world.post(ann.id, dm, 'known to be deleted');
      await stage.record().waitFor(({ text }) => text === 'known to be deleted');
      await stage.whileDown(
        () => {
          for (let i = 1; i <= 4; i++) world.post(ann.id, dm, `number ${i}`);
          world.delete(old);
        },
        {},
        (record) => {
          const { receive } = record.host;
          record.host.receive = async (message) => {
            if (message.text === 'number 3') throw new Error('the disk is full');
            return receive(message);
          };
        },
      );
      await stage.record().waitFor(({ text }) => text === 'number 2');
      await stage.whileDown(() => {});
      await stage.record().waitFor(({ text }) => text === 'number 4');
      expect(stage.news()).toEqual(['delete ', ...[1, 2, 3, 4].map((i) => `message number ${i}`)]);
    }));

  it('of too many, the latest are taken, and the gap is told', () =>
    onStage(async (stage) => {
      const { world, ann, dm } = stage.server;
      await know(stage);
      const backfill = { maxAgeMs: 24 * HOUR_MS, maxMessages: 5 };
      await stage.whileDown(
        () => {
          for (let i = 1; i <= 12; i++) world.post(ann.id, dm, `number ${i}`);
        },
        { backfill },
      );
      await stage.record().waitFor(({ text }) => text === 'number 12');
      expect(stage.news()).toEqual([8, 9, 10, 11, 12].map((i) => `message number ${i}`));
      expect(stage.record().gaps).toMatchObject([{ reason: 'limit', missed: 7, chat: { id: dm.id, kind: 'dm' } }]);
    }));

  it('more than one answer can hold is read page by page', () =>
    onStage(async (stage) => {
      const { world, ann, dm } = stage.server;
      await know(stage);
      await stage.whileDown(
        () => {
          for (let i = 1; i <= 1_200; i++) world.post(ann.id, dm, `number ${i}`);
        },
        { backfill: { maxAgeMs: 24 * HOUR_MS, maxMessages: 300 } },
      );
      await stage.record().waitFor(({ text }) => text === 'number 1200');
      expect(stage.news()).toEqual(Array.from({ length: 300 }, (_, i) => `message number ${i + 901}`));
      expect(stage.record().gaps).toMatchObject([{ reason: 'limit', chat: { id: dm.id } }]);
    }));

  it('what is too old is a gap', () =>
    onStage(async (stage) => {
      const { world, ann, dm } = stage.server;
      await know(stage);
      // As if the last run had ended three days ago.
      const { cursors } = stage.record();
      await stage.whileDown(() => {
        const past = Date.now() - 72 * HOUR_MS;
        for (const [key, value] of cursors) if (Number(value) > past) cursors.set(key, String(past));
        world.posts = [];
        world.post(ann.id, dm, 'long ago', { create_at: past + HOUR_MS, update_at: past + HOUR_MS });
        world.post(ann.id, dm, 'just now');
      });
      await stage.record().waitFor(({ text }) => text === 'just now');
      expect(stage.news()).toEqual(['message just now']);
      expect(stage.record().gaps).toMatchObject([{ reason: 'limit', missed: 1, chat: { id: dm.id } }]);
    }));

  it('what comes live does not overtake what was missed, over refusals and lost connections', () =>
    onStage(async (stage) => {
      const { server } = stage;
      await know(stage);
      const gate = Promise.withResolvers<void>();
      await stage.whileDown(() => {
        server.world.post(server.ann.id, server.dm, 'missed');
        const route = new RegExp(`^GET /channels/${server.dm.id}/posts`);
        server.fail({ route, status: 503 });
        server.fail({ route, status: 429, headers: { 'Retry-After': '0' } });
        server.fail({ route, drop: 'before' });
        server.fail({ route, hold: gate.promise });
      });
      server.world.post(server.ann.id, server.dm, 'live');
      gate.resolve();
      await stage.record().waitFor(({ text }) => text === 'live', 10_000);
      expect(stage.news()).toEqual(['message missed', 'message live']);
    }));

  it('an event that was lost on the way is noticed by its number, and fetched', () =>
    onStage(async (stage) => {
      const { server } = stage;
      await know(stage);
      const { town } = server;
      town.members.delete(server.bot.id);
      server.world.post(server.ann.id, town, 'lost on the way');
      town.members.add(server.bot.id);
      server.hub.skip();
      server.world.post(server.ann.id, server.dm, 'after it');
      await stage.record().waitUntil(() => stage.news().length >= 2, 10_000);
      expect([...stage.news()].sort()).toEqual(['message after it', 'message lost on the way']);
    }));

  it('a channel that may not be read any more stops nothing', () =>
    onStage(async (stage) => {
      const { server } = stage;
      await know(stage);
      await stage.whileDown(() => {
        server.fail({ route: new RegExp(`^GET /channels/${server.town.id}/posts`), status: 403, times: Infinity });
        server.world.post(server.ann.id, server.dm, 'still heard');
      });
      await stage.record().waitFor(({ text }) => text === 'still heard');
    }));

  it('only channels of the teams that were named are read, and direct messages', () =>
    onStage(
      async (stage) => {
        const { world, ann, dm, bot } = stage.server;
        const other = world.addChannel('O', [bot.id, ann.id], { team_id: world.addTeam('others') });
        world.post(ann.id, other, 'elsewhere');
        world.post(ann.id, stage.server.town, 'in town');
        world.post(ann.id, dm, 'to you');
        await stage.record().waitUntil(() => stage.news().length >= 2);
        await stage.whileDown(() => {
          world.post(ann.id, other, 'elsewhere, missed');
          world.post(ann.id, dm, 'missed');
        });
        await stage.record().waitFor(({ text }) => text === 'missed');
        expect([...stage.news()].sort()).toEqual(['message in town', 'message missed', 'message to you']);
      },
      { teams: ['Crew', 'nobody'] },
    ));

  it('what was said before the first start is not fetched', () =>
    onStage(async (stage) => {
      const { world, ann, dm, town } = stage.server;
      await know(stage);
      await stage.whileDown(() => {
        const at = Date.now() - 10 * HOUR_MS;
        world.post(ann.id, town, 'before your time', { create_at: at, update_at: at });
        world.post(ann.id, dm, 'now');
      });
      await stage.record().waitFor(({ text }) => text === 'now');
      expect(stage.news()).toEqual(['message now']);
    }));
});
