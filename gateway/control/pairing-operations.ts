// Who may talk to Herald: requests, paired accounts, approval and revocation from the command line.
import { z } from 'zod';
import { enqueueOutbox } from '../../data/process/outbox.ts';
import { writeAudit } from '../../data/process/audit.ts';
import { addIdentity, findOwner, listIdentities, listPersons } from '../../data/process/people.ts';
import { AppError } from '../../shared/errors.ts';
import { accountId, userId } from '../../shared/ids.ts';
import type { ApproveResult } from '../../pairing/pairing.ts';
import { defineOperation, type ControlContext } from './operation.ts';
import { personInput, resolvePerson } from './person.ts';

const platformInput = z.string().trim().toLowerCase().min(1).max(64);
const WELCOME = 'You are paired now. Write to me here; /help shows what I understand.';
const WELCOME_OWNER = 'You are paired now, as the owner. Write to me here; /help shows what I understand.';
/** A welcome that could not be sent for a day is no longer news. */
const WELCOME_TTL_MS = 24 * 3_600_000;

const roleOutput = z.enum(['owner', 'admin', 'member', 'guest']);

export const pairingOperations = {
  'pairing.list': defineOperation({
    input: z.strictObject({ platform: platformInput.optional() }),
    output: z.object({
      pending: z.array(
        z.object({
          platform: z.string(),
          user: z.string(),
          userName: z.string(),
          createdAt: z.number(),
          expiresAt: z.number(),
        }),
      ),
      paired: z.array(
        z.object({
          platform: z.string(),
          account: z.string(),
          user: z.string(),
          name: z.string(),
          person: z.string(),
          personName: z.string(),
          role: roleOutput,
          createdAt: z.number(),
        }),
      ),
    }),
    needsGateway: false,
    async run(context, { platform }) {
      const persons = new Map((await listPersons(context.db)).map((person) => [person.id, person]));
      const identities = await listIdentities(context.db);
      const paired = identities
        .filter((identity) => platform === undefined || identity.platform === platform)
        .flatMap((identity) => {
          const person = persons.get(identity.person);
          return person ? [{ ...identity, personName: person.name, role: person.role }] : [];
        });
      const pending = await context.pairing.pending(platform);
      return { pending: [...pending], paired };
    },
  }),
  /** Lets a user in whose identity was made here, such as the digest of a new key. */
  'pairing.add': defineOperation({
    input: z.strictObject({
      platform: platformInput,
      account: z.string().trim().min(1).max(128),
      user: z.string().trim().min(1).max(256),
      name: z.string().trim().min(1).max(64),
      person: personInput,
    }),
    output: z.object({ person: z.string(), role: roleOutput }),
    needsGateway: false,
    async run({ db, ...context }, { platform, account, user, name, person }) {
      const owner = await resolvePerson({ db, ...context }, person, 'pairing.add');
      await db.query.transaction().execute(async (trx) => {
        const identity = { platform, account: accountId(account), user: userId(user) };
        await addIdentity(db, { ...identity, person: owner.id, name }, trx);
        await writeAudit(
          db,
          { actor: 'cli', action: 'pairing.add', subject: owner.id, detail: { platform, name } },
          trx,
        );
      });
      return { person: owner.name, role: owner.role };
    },
  }),
  'pairing.approve': defineOperation({
    input: z.strictObject({
      platform: platformInput.optional(),
      code: z.string().trim().min(1).max(64),
      /** The sender is the owner, from another account. */
      me: z.boolean().optional(),
    }),
    output: z.object({
      person: z.string(),
      name: z.string(),
      role: roleOutput,
      platform: z.string(),
      user: z.string(),
      firstOwner: z.boolean(),
    }),
    needsGateway: false,
    async run(context, { platform, code, me }) {
      const join = me ? (await findOwner(context.db))?.id : undefined;
      const result = await context.pairing.approve(code, { platform, by: 'cli', join });
      if (!result.ok) throw refusedCode(result, platform);
      await welcome(context, result);
      const { person, identity, name, firstOwner } = result;
      return {
        person: person.id,
        name,
        role: person.role,
        platform: identity.platform,
        user: identity.user,
        firstOwner,
      };
    },
  }),
  'pairing.revoke': defineOperation({
    input: z.strictObject({ platform: platformInput, user: z.string().trim().min(1).max(256) }),
    output: z.object({ removed: z.number() }),
    needsGateway: false,
    async run(context, { platform, user }) {
      const removed = await context.pairing.revoke(platform, userId(user), 'cli');
      if (removed === 0)
        throw new AppError(
          'not_found',
          `${platform} user ${user} is not paired. \`herald pairing list\` shows who is.`,
        );
      return { removed };
    },
  }),
  'pairing.clear-pending': defineOperation({
    input: z.strictObject({ platform: platformInput.optional() }),
    output: z.object({ cleared: z.number() }),
    needsGateway: false,
    run: async (context, { platform }) => ({ cleared: await context.pairing.clearPending(platform) }),
  }),
  'link-code': defineOperation({
    input: z.strictObject({}),
    output: z.object({ code: z.string(), expiresAt: z.number(), link: z.string().optional() }),
    needsGateway: false,
    async run(context) {
      const { code, expiresAt } = await context.pairing.createOwnerCode();
      return { code, expiresAt, link: context.ownerLink?.(code) };
    },
  }),
};

function refusedCode(result: Extract<ApproveResult, { ok: false }>, platform: string | undefined): AppError {
  if (result.reason === 'locked') {
    const { retryAfterMs } = result;
    const span = retryAfterMs === undefined ? 'up to an hour' : `${Math.ceil(retryAfterMs / 60_000)} more minutes`;
    const message = `Too many wrong codes: approval is locked for ${span}. \`herald pairing clear-pending\` ends the lock and all open requests.`;
    return new AppError('not_allowed', message, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  const where = platform === undefined ? '' : ` on ${platform}`;
  return new AppError(
    'not_found',
    `No open request${where} has this code. Codes hold for one hour; \`herald pairing list\` shows who waits. Five wrong codes lock approval for an hour.`,
  );
}

/** Tells the new person in their chat: at once through the gateway, or when it next starts. */
async function welcome(context: ControlContext, result: Extract<ApproveResult, { ok: true }>): Promise<void> {
  if (!result.address) return;
  const text = result.firstOwner ? WELCOME_OWNER : WELCOME;
  if (context.actions) {
    await context.actions.post(result.address, text, { person: result.person.id, kind: 'notice' });
    return;
  }
  await enqueueOutbox(context.db, [
    {
      key: `paired.${result.person.id}.${context.clock.now()}.1`,
      to: result.address,
      person: result.person.id,
      kind: 'notice',
      part: 1,
      parts: 1,
      text,
      ttlMs: WELCOME_TTL_MS,
    },
  ]);
}
