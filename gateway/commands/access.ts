// Who may use which command. Pure decisions; the default is closed.
import { writeAudit } from '../../data/process/audit.ts';
import { AppError } from '../../shared/errors.ts';
import type { Role } from '../../shared/messages.ts';
import type { Command, CommandContext } from './types.ts';

const RANK: Record<Role, number> = { guest: 0, member: 1, admin: 2, owner: 3 };

/** Whether `role` is at least the one that the command asks for. */
export function mayUse(role: Role, command: Pick<Command, 'role'>): boolean {
  return RANK[role] >= RANK[command.role];
}

/** True for those who may see and steer what belongs to others: owner and admins. */
export function isSteward(role: Role): boolean {
  return RANK[role] >= RANK.admin;
}

/** Rejects with `not_allowed`, and records the refusal, when the person's role is too low. A second lock behind the gateway's own. */
export async function requireRole(context: CommandContext, command: Pick<Command, 'name' | 'role'>): Promise<void> {
  if (mayUse(context.person.role, command)) return;
  await writeAudit(context.db, {
    actor: context.person.id,
    action: 'command.refused',
    subject: command.name,
    detail: { reason: 'role', role: context.person.role, needs: command.role },
  });
  throw new AppError('not_allowed', refusalText(command));
}

/** What a person reads whose role is too low. */
export function refusalText(command: Pick<Command, 'name' | 'role'>): string {
  const who = command.role === 'owner' ? 'the owner' : `the owner and ${command.role}s`;
  return `Only ${who} may use \`/${command.name}\`. Nothing was changed.`;
}

/** Throws `not_allowed` in a group, where everyone would read the answer. */
export function requireDm(context: CommandContext, why: string): void {
  if (context.address.kind === 'dm') return;
  throw new AppError('not_allowed', `Please send that to me in a direct message: ${why}`);
}
