// Gets leave for one tool call: decides, and where a person must allow it finds what they allowed before or asks them. Everything that was
// asked goes into the signed record.
import { requestApproval, takeApproval, type Approval } from '../../data/policy/approvals.ts';
import { addGrant, useGrant } from '../../data/policy/grants.ts';
import { appendLedger, type LedgerEntry, type Sign } from '../../data/policy/ledger.ts';
import type { Db } from '../../data/db.ts';
import type { Scope } from '../../data/scope.ts';
import { sha256Hex } from '../../shared/digest.ts';
import type { Clock } from '../../shared/clock.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { addressKey, type Address, type Origin, type Role } from '../../shared/messages.ts';
import { cancelledError, untilAborted } from '../abort.ts';
import type { Assessment, PreparedCall, Tool } from '../tools/tool.ts';
import { decideTool, type ApprovalMode, type AskCause, type ToolVerdict } from './decide.ts';
import { ruleFor, type Rule } from './rules.ts';
import type { SeenAddresses } from './seen.ts';

export interface ApprovalPort {
  /**
   * Shows `approval` to its person and resolves when it is decided or has expired (data/policy/approvals.ts has the answer). Asking again for
   * the same approval, after a restart, shows nothing twice. Rejects when `signal` aborts.
   */
  requestApproval(approval: Approval, reason: string, signal: AbortSignal): Promise<void>;
}

/** What holds in one turn. */
export interface TurnPolicy {
  mode: ApprovalMode;
  rules: readonly Rule[];
  seen: SeenAddresses;
  /** Of the record; undefined keeps none, for tests of other things. */
  sign: Sign | undefined;
  /**
   * In mode `smart`: whether a model that sees only this call holds it for harmless. Never rejects: what cannot be judged is not harmless.
   */
  judge?(call: { tool: string; arguments: string; reason: string }, signal: AbortSignal): Promise<boolean>;
}

export interface PermissionInput {
  policy: TurnPolicy;
  approvals: ApprovalPort;
  /** Whose words are in the context of the turn; grows as results come in. */
  origins: ReadonlySet<Origin>;
  approvalTtlMs: number;
  at: {
    db: Db;
    clock: Clock;
    scope: Scope;
    role: Role;
    session: SessionId;
    turn: TurnId;
    address: Address;
    workspace: string;
  };
  log: Logger;
  /** Of the turn. */
  signal: AbortSignal;
}

export interface ToolRequest {
  /** Of the journal. */
  key: string;
  tool: Tool;
  call: PreparedCall;
  /** Of the call, where it can end before its turn. */
  signal?: AbortSignal | undefined;
}

/** `record` names what the result is noted under; absent when nobody had to be asked. */
export type Permission = { allowed: true; record?: string } | { allowed: false; reason: string };

export interface Permissions {
  /** Decides as things stand, without asking anybody. */
  look(request: Pick<ToolRequest, 'tool' | 'call'>): { assessment: Assessment; verdict: ToolVerdict };
  /** Rejects with AppError `cancelled` when the turn, or the call, is stopped meanwhile. */
  ask(request: ToolRequest): Promise<Permission>;
  /** Notes what came of a call that was allowed under `record`. */
  noteResult(record: string, result: { text: string; isError: boolean }): Promise<void>;
}

export function openPermissions(input: PermissionInput): Permissions {
  const { policy, at } = input;

  function look({ tool, call }: Pick<ToolRequest, 'tool' | 'call'>) {
    const assessment = call.assess({ role: at.role, address: at.address, workspace: at.workspace });
    const verdict = decideTool({
      tool: tool.name,
      assessment,
      role: at.role,
      origins: input.origins,
      chat: at.address.kind,
      mode: policy.mode,
      rule: ruleFor(policy.rules, { tool: tool.name, arguments: call.canonical, assessment }),
      addressesSeen: assessment.addresses !== undefined && policy.seen.hasAll(assessment.addresses),
    });
    return { assessment, verdict };
  }

  return {
    look,
    async ask(request) {
      const { assessment, verdict } = look(request);
      if (verdict.verdict === 'allow') return { allowed: true };
      input.log.info({ tool: request.tool.name, verdict: verdict.verdict, turn: at.turn }, 'tool call held back');
      if (verdict.verdict === 'deny')
        return { allowed: false, reason: `Not allowed: ${verdict.reason} It was not run.` };
      const digest = digestOf(request);
      const asked = { assessment, cause: verdict.cause, reason: verdict.reason, digest };
      const granted = await grantedBefore(input, request, asked);
      if (granted !== undefined) return { allowed: true, record: granted };
      return askPerson(input, request, asked);
    },
    noteResult: (record, result) =>
      note(input, [
        {
          kind: 'result',
          subject: record,
          body: { digest: sha256Hex(result.text), error: result.isError },
        },
      ]),
  };
}

/** One exact call: the digest of what runs must be the digest of what was shown. */
function digestOf({ tool, call }: ToolRequest): string {
  return sha256Hex(`${tool.name}\u001f${call.canonical}`);
}

interface Asked {
  assessment: Assessment;
  cause: AskCause;
  reason: string;
  digest: string;
}

/** What the person, or in mode `smart` a model, has said to such calls; the name that this one is recorded under. */
async function grantedBefore(
  input: PermissionInput,
  { key, tool, call, signal = input.signal }: ToolRequest,
  { assessment, cause, reason, digest }: Asked,
): Promise<string | undefined> {
  const { at, policy } = input;
  // A rule is there to be asked each time; and words of others must not choose the arguments of a wide grant.
  const { grant } = assessment;
  if (cause === 'rule') return undefined;
  const used =
    grant &&
    (await useGrant(at.db, at.scope, {
      tool: tool.name,
      key: grant.key,
      session: at.session,
      narrowOnly: cause === 'foreign',
    }));
  if (used) {
    const subject = `${used.id} ${at.turn} ${key}`;
    await note(input, [{ kind: 'execution', subject, body: { tool: tool.name, digest, by: 'grant' } }]);
    return subject;
  }
  if (policy.mode !== 'smart' || !policy.judge || (cause !== 'risk' && cause !== 'outside')) return undefined;
  // Who wrote what the turn has read may have chosen the arguments, and words that persuade a model with them.
  if (input.origins.has('foreign')) return undefined;
  const question = { tool: tool.name, arguments: call.canonical, reason };
  if (!(await policy.judge(question, signal))) return undefined;
  const subject = `judged ${at.turn} ${key}`;
  await note(input, [{ kind: 'execution', subject, body: { tool: tool.name, digest, by: 'model' } }]);
  return subject;
}

async function askPerson(
  input: PermissionInput,
  { key, tool, call, signal = input.signal }: ToolRequest,
  { assessment, cause, reason, digest }: Asked,
): Promise<Permission> {
  const { db, scope, turn, address, clock } = input.at;
  const { grant } = assessment;
  const request = {
    turn,
    callId: key,
    chatKey: addressKey(address),
    tool: tool.name,
    arguments: call.canonical,
    digest,
    why: assessment.risk === undefined || cause === 'risk' ? reason : `${reason} ${assessment.risk}`,
    // What a rule or words of others hold back is not waved through from then on.
    grant: cause === 'rule' || (cause === 'foreign' && grant?.wide) ? undefined : grant,
    ttlMs: input.approvalTtlMs,
  };
  let approval = await requestApproval(db, scope, request);
  await note(input, [{ kind: 'request', subject: approval.id, body: { tool: tool.name, digest, cause } }]);
  if (approval.state === 'pending' && approval.expiresAt > clock.now()) {
    if (!(await showApproval(input, approval, signal))) return UNASKED;
    approval = await requestApproval(db, scope, request);
  }
  switch (approval.state) {
    case 'allowed':
      return take(input, approval, digest);
    case 'used':
      // Taken just before a restart: nothing is in the journal, so it has not run yet.
      return approval.digest === digest ? { allowed: true, record: approval.id } : EXPIRED;
    case 'denied': {
      await note(input, [
        { kind: 'decision', subject: approval.id, body: { tool: tool.name, digest, allowed: false } },
      ]);
      const why = approval.reason === undefined ? '' : `: ${approval.reason}`;
      return { allowed: false, reason: `The person said no${why}. It was not run; do not try it another way.` };
    }
    case 'pending':
    case 'expired':
      return EXPIRED;
  }
}

/** Uses an allowed request up, and keeps what the person allowed beyond it. */
async function take(input: PermissionInput, approval: Approval, digest: string): Promise<Permission> {
  const { db, scope, session } = input.at;
  const { grant, tool, choice = 'once' } = approval;
  const isLonger = grant !== undefined && choice !== 'once';
  if (isLonger)
    await addGrant(db, scope, {
      ...grant,
      tool,
      session: choice === 'session' ? session : undefined,
      approval: approval.id,
    });
  if (!(await takeApproval(db, scope, approval.id, digest))) return EXPIRED;
  const subject = approval.id;
  await note(input, [
    { kind: 'decision', subject, body: { tool, digest, allowed: true, choice } },
    ...(isLonger ? [{ kind: 'grant', subject, body: { tool, key: sha256Hex(grant.key), choice } } as const] : []),
    { kind: 'execution', subject, body: { tool, digest, by: 'approval' } },
  ]);
  return { allowed: true, record: subject };
}

/** False when the person could not be asked, for which the call is not worth losing the turn. */
async function showApproval(input: PermissionInput, approval: Approval, signal: AbortSignal): Promise<boolean> {
  try {
    await untilAborted(input.approvals.requestApproval(approval, approval.why, signal), signal);
    return true;
  } catch (error) {
    if (signal.aborted) throw cancelledError(signal);
    input.log.warn({ approval: approval.id, err: error }, 'approval could not be asked for');
    return false;
  }
}

async function note({ at, policy }: PermissionInput, entries: readonly LedgerEntry[]): Promise<void> {
  if (policy.sign) await appendLedger(at.db, at.scope, entries, policy.sign);
}

const UNASKED: Permission = {
  allowed: false,
  reason: 'The person must allow this first and could not be asked here. It was not run.',
};

const EXPIRED: Permission = {
  allowed: false,
  reason: 'The person was asked to allow this and did not answer in time. It was not run.',
};
