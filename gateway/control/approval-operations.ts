// What was asked, allowed and done with leave, over all persons: list, prove, take back, and what could be allowed for good.
import { z } from 'zod';
import { listGrants, revokeGrant } from '../../data/policy/grants.ts';
import { listPendingApprovals } from '../../data/policy/approvals.ts';
import { listAnsweredApprovals, listApprovalScopes } from '../../data/process/work/approval-record.ts';
import { listLedger, proveLedger } from '../../data/process/work/ledger.ts';
import { listPersons } from '../../data/process/people.ts';
import type { Scope } from '../../data/scope.ts';
import { AppError } from '../../shared/errors.ts';
import { defineOperation, type ControlContext } from './operation.ts';

const DAY_MS = 86_400_000;
const SUGGEST_DAYS = 30;
/** Allowed as often exactly alike, a call is worth a standing permission. */
const SUGGEST_TIMES = 3;

const requestOutput = z.object({
  id: z.string(),
  person: z.string(),
  tool: z.string(),
  arguments: z.string(),
  why: z.string(),
  createdAt: z.number(),
  expiresAt: z.number(),
});

const grantOutput = z.object({
  id: z.string(),
  person: z.string(),
  tool: z.string(),
  title: z.string(),
  wide: z.boolean(),
  /** Absent: it holds in all conversations. */
  session: z.string().optional(),
  uses: z.number(),
  createdAt: z.number(),
});

const entryOutput = z.object({
  seq: z.number(),
  at: z.number(),
  kind: z.string(),
  person: z.string(),
  subject: z.string(),
  body: z.string(),
});

const suggestionOutput = z.object({
  person: z.string(),
  tool: z.string(),
  title: z.string(),
  times: z.number(),
  lastAt: z.number(),
});

export const approvalOperations = {
  'approvals.list': defineOperation({
    input: z.strictObject({ limit: z.int().min(1).max(1000).default(20) }),
    output: z.object({
      requests: z.array(requestOutput),
      grants: z.array(grantOutput),
      entries: z.array(entryOutput),
    }),
    needsGateway: false,
    async run({ db }, { limit }) {
      const names = await namesOf(db);
      const requests: z.input<typeof requestOutput>[] = [];
      const grants: z.input<typeof grantOutput>[] = [];
      for (const scope of await listApprovalScopes(db)) {
        const person = names(scope.person);
        for (const one of await listPendingApprovals(db, scope)) {
          if (one.person !== scope.person) continue;
          const { id, tool, arguments: args, why, createdAt, expiresAt } = one;
          requests.push({ id, person, tool, arguments: args, why, createdAt, expiresAt });
        }
        for (const { key: _, ...grant } of await listGrants(db, scope)) grants.push({ ...grant, person });
      }
      const entries = (await listLedger(db, limit)).map(({ seq, at, kind, person, subject, body }) => {
        return { seq, at, kind, person: names(person), subject, body };
      });
      return { requests, grants, entries };
    },
  }),
  'approvals.verify': defineOperation({
    input: z.strictObject({}),
    output: z.discriminatedUnion('ok', [
      z.object({ ok: z.literal(true), entries: z.number(), head: z.string(), publicKey: z.string() }),
      z.object({ ok: z.literal(false), seq: z.number(), problem: z.string(), publicKey: z.string() }),
    ]),
    needsGateway: false,
    async run({ db, ledgerKey }) {
      if (!ledgerKey) throw new AppError('internal', 'The key of the record is not at hand here. Nothing was proved.');
      const { verify, publicKey } = ledgerKey();
      return { ...(await proveLedger(db, verify)), publicKey };
    },
  }),
  'approvals.revoke': defineOperation({
    input: z.strictObject({ id: z.string().trim().min(4).max(40) }),
    output: z.object({ id: z.string(), tool: z.string(), title: z.string() }),
    needsGateway: false,
    async run({ db }, { id }) {
      const found: { scope: Scope; id: string; tool: string; title: string }[] = [];
      for (const scope of await listApprovalScopes(db))
        for (const grant of await listGrants(db, scope))
          if (grant.id.startsWith(id.toUpperCase())) found.push({ scope, ...grant });
      const [grant, other] = found;
      if (!grant)
        throw new AppError(
          'not_found',
          `Nothing is allowed under the id ${JSON.stringify(id)}. \`herald approvals list\` shows what is.`,
        );
      if (other)
        throw new AppError(
          'bad_input',
          `Several begin with ${JSON.stringify(id)}. Give more of the id; nothing was taken back.`,
        );
      await revokeGrant(db, grant.scope, grant.id);
      return { id: grant.id, tool: grant.tool, title: grant.title };
    },
  }),
  'approvals.suggest': defineOperation({
    input: z.strictObject({}),
    output: z.array(suggestionOutput),
    needsGateway: false,
    run: suggest,
  }),
};

/** What was allowed again and again exactly alike, never denied, and could be allowed for good. Allows nothing itself. */
async function suggest({ db, clock }: ControlContext): Promise<z.input<typeof suggestionOutput>[]> {
  const names = await namesOf(db);
  const answered = await listAnsweredApprovals(db, clock.now() - SUGGEST_DAYS * DAY_MS);
  const live = new Set<string>();
  for (const scope of await listApprovalScopes(db))
    for (const { tool, key, session } of await listGrants(db, scope))
      if (session === undefined) live.add(keyOf({ space: scope.space, person: scope.person, tool, what: key }));
  const denied = new Set(
    answered.filter(({ wasAllowed }) => !wasAllowed).map((one) => keyOf({ ...one, what: one.digest })),
  );
  const alike = new Map<string, typeof answered>();
  for (const one of answered) {
    if (!one.wasAllowed || one.grant === undefined) continue;
    const key = keyOf({ ...one, what: one.digest });
    if (!denied.has(key) && !live.has(keyOf({ ...one, what: one.grant.key })))
      alike.set(key, [...(alike.get(key) ?? []), one]);
  }
  return [...alike.values()].flatMap((ones) => {
    const last = ones.at(-1);
    if (!last?.grant || ones.length < SUGGEST_TIMES) return [];
    const { person, tool, grant, createdAt } = last;
    return [{ person: names(person), tool, title: grant.title, times: ones.length, lastAt: createdAt }];
  });
}

function keyOf({ space, person, tool, what }: { space: string; person: string; tool: string; what: string }): string {
  return JSON.stringify([space, person, tool, what]);
}

async function namesOf(db: ControlContext['db']): Promise<(person: string) => string> {
  const names = new Map<string, string>((await listPersons(db)).map(({ id, name }) => [id, name]));
  return (person) => names.get(person) ?? person;
}
