// What the memory reaches outside: services and the model of the search by meaning, and whether they answer.
import { checkMemoryServices } from '../../gateway/compose/memory-providers.ts';
import { printable } from '../output.ts';
import { ok, warn, type Check } from './finding.ts';

export const checkMemory: Check = async ({ context, loaded }) => {
  if (!loaded) return [];
  const found = await checkMemoryServices(loaded, context.clock, context.fetch);
  // Turns go on without them, so none of it is broken for good.
  return found.map(({ name, ok: isOk, detail }) =>
    isOk
      ? ok('memory', `${name}: ${detail}`)
      : warn('memory', `${name}: ${printable(detail)}`, 'herald config get memory; turns go on without it meanwhile'),
  );
};
