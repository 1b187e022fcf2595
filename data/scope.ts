// Who reads. Every read of personal data takes a Scope; it names one person and the one space that this read may see:
// the person's own, or the group they speak in. A group scope never opens the person's private space, and the reverse.
import { personId, spaceId, type PersonId, type SpaceId } from '../shared/ids.ts';
import { addressKey, type Address } from '../shared/messages.ts';

declare const made: unique symbol;

export interface Scope {
  readonly person: PersonId;
  readonly space: SpaceId;
  readonly [made]: true;
}

const PERSON_PREFIX = 'p:';
const GROUP_PREFIX = 'g:';

/** The private space of `person`. */
export function personSpace(person: PersonId): SpaceId {
  return spaceId(PERSON_PREFIX + person);
}

/** The space of a group chat or of a thread in it. */
export function groupSpace(at: Address): SpaceId {
  return spaceId(GROUP_PREFIX + addressKey(at));
}

/** `person` in their own space: all of their DMs. */
export function personScope(person: PersonId): Scope {
  return brand(person, personSpace(person));
}

/** `person` speaking in the group chat at `at`. */
export function groupScope(person: PersonId, at: Address): Scope {
  return brand(person, groupSpace(at));
}

/** The scope of a stored (person, space) pair; a private space opens only for the person that it belongs to. */
export function storedScope(person: PersonId, space: SpaceId): Scope {
  if (space.startsWith(GROUP_PREFIX)) return brand(person, space);
  return personScope(personId(person));
}

/** Whether the space is that of a group. */
export function isGroupScope({ space }: Scope): boolean {
  return space.startsWith(GROUP_PREFIX);
}

function brand(person: PersonId, space: SpaceId): Scope {
  const scope: Omit<Scope, typeof made> = Object.freeze({ person, space });
  return scope as Scope;
}
