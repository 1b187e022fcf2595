// `herald keys`: access for programs. The key itself is printed once and kept nowhere; what is kept is a digest, as an identity.
import type { AdapterManifest } from '../../../adapters/contract.ts';
import { manifests } from '../../../adapters/manifests.ts';
import { AppError } from '../../../shared/errors.ts';
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { formatPreview, formatTable, formatTime } from '../../output.ts';

/** Platforms with keys have one account. */
const ACCOUNT = 'default';

export async function runKeysCreate(context: CliContext, given: Given): Promise<number> {
  const manifest = withKeys(given.text('platform'));
  const made = manifest.makeKey?.();
  if (made === undefined) throw new AppError('internal', 'This platform gives out no keys.');
  const name = given.arg(0) ?? 'key';
  const added = await callControl(context.home, 'pairing.add', {
    platform: manifest.id,
    account: ACCOUNT,
    user: made.user,
    name,
    person: given.text('person'),
  });
  context.print(
    { key: made.key, id: made.user, name, person: added.person },
    () =>
      `${made.key}\n\nThis is the only time that it is shown. It speaks for ${added.person} (${added.role}); \`herald keys revoke ${made.user}\` takes it back.`,
  );
  return EXIT.ok;
}

export async function runKeysList(context: CliContext): Promise<number> {
  const ids = offering().map((manifest) => manifest.id);
  const { paired } = await callControl(context.home, 'pairing.list', {});
  const keys = paired.filter((identity) => ids.includes(identity.platform));
  context.print(keys, () =>
    keys.length === 0
      ? 'There are no keys. `herald keys create` makes one.'
      : formatTable(
          keys.map((key) => [
            key.user,
            formatPreview(key.name, 40),
            `${formatPreview(key.personName, 40)} (${key.role})`,
            `since ${formatTime(key.createdAt)}`,
          ]),
        ),
  );
  return EXIT.ok;
}

export async function runKeysRevoke(context: CliContext, given: Given): Promise<number> {
  const id = given.need(0);
  const { paired } = await callControl(context.home, 'pairing.list', {});
  const found = paired.find(
    (identity) => identity.user === id && offering().some((manifest) => manifest.id === identity.platform),
  );
  if (!found) throw new AppError('not_found', `There is no key ${id}. \`herald keys list\` shows them.`);
  await callControl(context.home, 'pairing.revoke', { platform: found.platform, user: found.user });
  context.print({ revoked: id }, () => `The key ${formatPreview(found.name, 40)} opens nothing any more.`);
  return EXIT.ok;
}

function offering(): readonly AdapterManifest[] {
  return manifests.filter((manifest) => manifest.makeKey !== undefined);
}

function withKeys(wanted: string | undefined): AdapterManifest {
  const offered = offering();
  const found = wanted === undefined ? offered[0] : offered.find((manifest) => manifest.id === wanted);
  if (found) return found;
  throw new AppError(
    'not_found',
    `No platform gives out keys${wanted === undefined ? '' : ` under the name ${wanted}`}.`,
  );
}
