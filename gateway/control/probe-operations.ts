// Proof of send and receive: a message to the owner's latest chat on a platform, and whether it was sent and answered.
import { z } from 'zod';
import { listDmChats } from '../../data/process/chats.ts';
import { findOwner } from '../../data/process/people.ts';
import { getOutboxByKey } from '../../data/process/outbox.ts';
import { AppError } from '../../shared/errors.ts';
import { addressKey } from '../../shared/messages.ts';
import { defineOperation, requireActions } from './operation.ts';

const PROBE_TEXT =
  'This is a check by `herald doctor`. Please answer with anything: it shows that messages go both ways.';

export const probeOperations = {
  'probe-send': defineOperation({
    input: z.strictObject({ platforms: z.array(z.string().min(1).max(64)).max(64) }),
    output: z.object({
      chats: z.array(z.object({ key: z.string(), platform: z.string() })),
      /** Platforms on which the owner never wrote. */
      without: z.array(z.string()),
    }),
    needsGateway: true,
    async run(context, { platforms }) {
      const owner = await findOwner(context.db);
      if (!owner) throw new AppError('not_found', 'Herald has no owner yet: open the link that `herald start` prints.');
      const own = await listDmChats(context.db, owner.id);
      const chats: { key: string; platform: string }[] = [];
      const without: string[] = [];
      for (const platform of platforms) {
        const chat = own.find(({ address }) => address.platform === platform);
        if (!chat) without.push(platform);
        else {
          const key = await requireActions(context).post(chat.address, PROBE_TEXT, {
            kind: 'notice',
            person: owner.id,
          });
          chats.push({ key, platform });
        }
      }
      return { chats, without };
    },
  }),
  'probe-look': defineOperation({
    input: z.strictObject({ key: z.string().min(1).max(64) }),
    output: z.object({
      sent: z.enum(['waiting', 'sent', 'failed']),
      problem: z.string().optional(),
      /** Something came from that chat since. */
      answered: z.boolean(),
    }),
    needsGateway: true,
    async run(context, { key }) {
      const row = await getOutboxByKey(context.db, `${key}.1`);
      if (!row) throw new AppError('not_found', 'There is no such check.');
      const chats = row.person === undefined ? [] : await listDmChats(context.db, row.person);
      const chat = chats.find(({ address }) => addressKey(address) === addressKey(row.to));
      const failed = row.state === 'dead' || row.state === 'expired';
      return {
        sent: row.state === 'sent' ? ('sent' as const) : failed ? ('failed' as const) : ('waiting' as const),
        problem: row.error,
        answered: (chat?.lastInboundAt ?? 0) > row.createdAt,
      };
    },
  }),
};
