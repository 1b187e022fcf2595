// On whose behalf the command line acts. Whoever can open the socket owns the machine, so any person may be named; reading for
// somebody other than the owner is written to the audit log.
import { z } from 'zod';
import { writeAudit } from '../../data/process/audit.ts';
import { findOwner, listIdentities, listPersons, type Person } from '../../data/process/people.ts';
import { AppError } from '../../shared/errors.ts';
import type { ControlContext } from './operation.ts';

/** Id, name, or platform:user of a person; the owner when left out. */
export const personInput = z.string().trim().min(1).max(256).optional();

/** Throws AppError `not_found` when nobody fits, or nobody is paired yet; `bad_input` when several do. */
export async function resolvePerson(
  context: ControlContext,
  wanted: string | undefined,
  action: string,
): Promise<Person> {
  const owner = await findOwner(context.db);
  if (wanted === undefined) {
    if (owner) return owner;
    throw new AppError(
      'not_found',
      'Nobody is paired yet. Open the link that `herald start` prints, or use `herald pairing approve`.',
    );
  }
  const person = await findByText(context, wanted);
  // Who reads their own needs no line there.
  if (person.id !== owner?.id && person.id !== context.actor)
    await writeAudit(context.db, { actor: 'cli', action, subject: person.id });
  return person;
}

async function findByText(context: ControlContext, wanted: string): Promise<Person> {
  const persons = await listPersons(context.db);
  const identities = await listIdentities(context.db);
  const lower = wanted.toLowerCase();
  const found = persons.filter(
    (person) =>
      person.id === wanted ||
      person.name.toLowerCase() === lower ||
      identities.some((own) => own.person === person.id && `${own.platform}:${own.user}` === wanted),
  );
  const [first, second] = found;
  if (first && !second) return first;
  if (first)
    throw new AppError(
      'bad_input',
      `Several persons are called ${wanted}. Name one by id: ${found.map((person) => person.id).join(', ')}.`,
    );
  const known = persons
    .map((person) => person.name)
    .toSorted()
    .slice(0, 20);
  throw new AppError(
    'not_found',
    `Nobody is known as ${wanted}. ${known.length === 0 ? 'Nobody is paired yet.' : `Known: ${known.join(', ')}.`}`,
  );
}
