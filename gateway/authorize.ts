// Step 3: who is this, and may they? Decided by pairing/policy.ts; here the decision is carried out and recorded.
import type { ProcessDb } from '../data/db.ts';
import { writeAudit } from '../data/process/audit.ts';
import { getChat, touchChat } from '../data/process/chats.ts';
import {
  addIdentity,
  createPerson,
  findOwner,
  findPerson,
  type IdentityKey,
  type Person,
} from '../data/process/people.ts';
import type { InboxRow } from '../data/process/inbox.ts';
import type { Pairing } from '../pairing/pairing.ts';
import { decideAccess, type AccessPolicy, type AccessRequest } from '../pairing/policy.ts';
import type { UserId } from '../shared/ids.ts';
import { findCommand, parseCommand } from './commands/parse.ts';
import { redeemReply } from './commands/link.ts';
import type { GatewaySettings } from './settings.ts';

export type Admission =
  | { kind: 'admitted'; person: Person }
  /** Ends the row; `reply` is markdown for the sender, '' says nothing. */
  | { kind: 'refused'; reason: string; reply: string }
  /** Ends the row: the sender was unpaired and redeemed a code. */
  | { kind: 'paired'; person: Person; reply: string };

export interface AuthorizePorts {
  db: ProcessDb;
  pairing: Pairing;
  settings: GatewaySettings;
  /** The sender on this platform who can only be the machine's owner, if it has one. */
  ownerUser(platform: string): UserId | undefined;
}

export async function authorize(ports: AuthorizePorts, row: InboxRow): Promise<Admission> {
  const who = { platform: row.address.platform, account: row.address.account, user: row.user };
  const isOwners = row.user === ports.ownerUser(row.address.platform);
  // A device speaks for an owner, and is none: whoever comes first as a person becomes it.
  if (isOwners && row.payload.foreign && !(await findOwner(ports.db)))
    return { kind: 'refused', reason: 'no_owner', reply: '' };
  const known = (await findPerson(ports.db, who)) ?? (isOwners ? await admitOwner(ports, who, row) : undefined);
  const decision = decideAccess(await requestOf(ports, row, known));
  switch (decision.kind) {
    case 'allow':
      if (!known) return { kind: 'refused', reason: 'unpaired', reply: '' };
      await touchChat(ports.db, row.address, row.payload.chatTitle ?? row.payload.senderName, {
        isMachine: row.payload.foreign === true,
      });
      return { kind: 'admitted', person: known };
    case 'admit':
      return { kind: 'admitted', person: await admit(ports, who, row) };
    case 'offer_code':
      return offerCode(ports, who, row);
    case 'refuse':
      return { kind: 'refused', reason: decision.reason, reply: '' };
  }
}

/**
 * Whether what the sender says is taken up: as it stands, and if it named us. Only then may anything of it be opened. Reads only: nobody is
 * admitted by it, and nothing is told.
 */
export async function foreseeAccess(ports: AuthorizePorts, row: InboxRow): Promise<{ now: boolean; named: boolean }> {
  const { platform, account } = row.address;
  if (row.user === ports.ownerUser(platform)) return { now: true, named: true };
  const known = await findPerson(ports.db, { platform, account, user: row.user });
  const request = await requestOf(ports, row, known);
  return { now: decideAccess(request).allowed, named: decideAccess({ ...request, addressed: true }).allowed };
}

async function requestOf(ports: AuthorizePorts, row: InboxRow, person: Person | undefined): Promise<AccessRequest> {
  return {
    person,
    username: row.payload.senderUsername,
    chatKind: row.address.kind,
    chat: row.address.chat,
    user: row.user,
    addressed: row.payload.addressed,
    bot: row.payload.bot,
    verified: row.payload.verified ?? true,
    policy: await policyAt(ports, row),
  };
}

/** The configuration's policy, with what was settled in the group itself. */
async function policyAt({ db, settings }: AuthorizePorts, { address }: InboxRow): Promise<AccessPolicy> {
  const policy = settings.access(address.platform, address.account);
  if (address.kind !== 'group') return policy;
  const own = (await getChat(db, address))?.settings.requireMention;
  return own === undefined ? policy : { ...policy, requireMention: own };
}

/** The machine's owner at their own terminal: joins the owner, or is the first to become it. */
async function admitOwner({ db }: AuthorizePorts, who: IdentityKey, row: InboxRow): Promise<Person> {
  const name = row.payload.senderName || 'Owner';
  const owner = await findOwner(db);
  return db.query.transaction().execute(async (trx) => {
    const person = owner ?? (await createPerson(db, { name, role: 'owner' }, trx));
    await addIdentity(db, { ...who, person: person.id, name }, trx);
    await writeAudit(db, { actor: 'gateway', action: 'pairing.local_owner', subject: person.id }, trx);
    return person;
  });
}

/** A sender whom the configuration allows becomes a person at their first message. */
async function admit(ports: AuthorizePorts, who: IdentityKey, row: InboxRow): Promise<Person> {
  const name = row.payload.senderName || row.user;
  const person = await ports.db.query.transaction().execute(async (trx) => {
    const created = await createPerson(ports.db, { name, role: 'member' }, trx);
    await addIdentity(ports.db, { ...who, person: created.id, name }, trx);
    await writeAudit(
      ports.db,
      { actor: 'gateway', action: 'pairing.allowlisted', subject: created.id, detail: { platform: who.platform } },
      trx,
    );
    return created;
  });
  await touchChat(ports.db, row.address, row.payload.chatTitle ?? name);
  return person;
}

async function offerCode(ports: AuthorizePorts, who: IdentityKey, row: InboxRow): Promise<Admission> {
  const sender = { ...who, name: row.payload.senderName };
  const parsed = parseCommand(row.payload.text);
  if (parsed && parsed.args !== '' && isLink(parsed.name)) {
    const result = await ports.pairing.redeem(parsed.args, sender);
    const reply = redeemReply(result);
    return result.ok
      ? { kind: 'paired', person: result.person, reply }
      : { kind: 'refused', reason: 'unpaired_dm', reply };
  }
  const request = await ports.pairing.requestCode(sender, row.address);
  if (!request.ok) return { kind: 'refused', reason: `unpaired_dm: ${request.reason}`, reply: '' };
  return { kind: 'refused', reason: 'unpaired_dm', reply: codeText(row.address.platform, request.code) };
}

function isLink(name: string): boolean {
  const found = findCommand(name);
  return 'command' in found && found.command.name === 'link';
}

function codeText(platform: string, code: string): string {
  return [
    `Hi! I am a private Herald agent and do not know you yet. Your pairing code is **${code}** (valid for one hour).`,
    `- Are you my owner, on another device or app? Send \`/pair approve ${code} me\` in a chat that I know.`,
    `- Else give the code to my owner, who lets you in with \`/pair approve ${code}\`, or with \`herald pairing approve ${platform} ${code}\` on my machine.`,
    '- Are you paired elsewhere? Send `/link` there, and the code that you get to me.',
  ].join('\n');
}
