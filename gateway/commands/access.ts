// A second lock behind the gateway's own, for commands that do harm when they slip through: it holds whoever calls them.
import { writeAudit } from '../../data/process/audit.ts';
import { canUseCommand, hasRole } from '../../pairing/policy.ts';
import { AppError } from '../../shared/errors.ts';
import type { Role } from '../../shared/messages.ts';
import type { Command, CommandContext } from './types.ts';

/** True for those who may see and steer what belongs to others: owner and admins. */
export function isSteward(role: Role): boolean {
  return hasRole(role, 'admin');
}

/** Rejects with `not_allowed`, and records the refusal, when the person's role is too low. */
export async function requireRole(context: CommandContext, command: Pick<Command, 'name' | 'role'>): Promise<void> {
  const decision = canUseCommand(context.person.role, command.role);
  if (decision.allowed) return;
  await writeAudit(context.db, {
    actor: context.person.id,
    action: 'command.refused',
    subject: command.name,
    detail: { reason: decision.reason, role: context.person.role, needs: command.role },
  });
  const who = command.role === 'owner' ? 'the owner' : `the owner and ${command.role}s`;
  throw new AppError('not_allowed', `Only ${who} may use \`/${command.name}\`. Nothing was changed.`);
}

/** Throws `not_allowed` in a group, where everyone would read the answer. */
export function requireDm(context: CommandContext, why: string): void {
  if (context.address.kind === 'dm') return;
  throw new AppError('not_allowed', `Please send that to me in a direct message: ${why}`);
}
