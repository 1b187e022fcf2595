// What services outside of Herald do when something is forgotten here, and how a person is told of it.
import type { ForgetfulService, ForgetWhat } from '../../data/memory/forget.ts';
import { isGroupScope, type Scope } from '../../data/scope.ts';

export interface OutsideService extends ForgetfulService {
  /** For people. */
  title: string;
}

/** The services that are set up. */
export interface OutsideMemory {
  services: readonly OutsideService[];
  /** Something was noted that they are to forget. */
  wake(): void;
}

/** A line for each service: that it is told to delete it, or that it cannot. */
export function describeOutside(
  scope: Scope,
  what: ForgetWhat,
  services: readonly OutsideService[],
): readonly string[] {
  const isGroup = isGroupScope(scope);
  return services.map(({ title, deletes }) => {
    const can =
      deletes.includes('item') ||
      ('person' in what && !isGroup && deletes.includes('all')) ||
      ('session' in what && deletes.includes('session'));
    if (can) return `${title} is told to delete it too. You hear of it when that does not work.`;
    if (deletes.length === 0) return `${title} has no way to delete that I know: what it was told stays there.`;
    const instead = isGroup
      ? 'It knows the group as one.'
      : `\`/memory forget me\` deletes all of it${deletes.includes('session') ? ', `/memory forget session` what it was told in a conversation' : ''}.`;
    return `${title} cannot delete single things: what it was told stays there. ${instead}`;
  });
}
