// What config.yaml may hold: the core sections plus one section per platform, whose own keys come from its manifest. The list of
// platforms is a parameter, so nothing here names one.
import { z } from 'zod';
import { AppError } from '../shared/errors.ts';
import { coreSections } from './sections.ts';
import { textList } from './sections/values.ts';

/** What configuration needs of a platform's manifest (adapters/contract.ts has the whole). */
export interface PlatformManifest {
  readonly id: string;
  readonly title: string;
  readonly secrets: readonly { readonly key: string; readonly env: string; readonly required: boolean }[];
  readonly settings: z.ZodType;
  /** Runs without any setting. */
  readonly builtin: boolean;
}

const accountCommon = z.strictObject({
  enabled: z
    .boolean()
    .optional()
    .describe('Whether it runs. Default: when its secrets are there; false beats the environment.'),
  allowed_users: textList('User ids that may talk here without pairing. Default: [].'),
  allow_all_users: z.boolean().default(false).describe('Lets everybody talk here without pairing. Default false.'),
  group_policy: z
    .enum(['allowlist', 'open', 'disabled'])
    .default('allowlist')
    .describe('Groups that are answered: those of allowed_chats, all, or none. Default allowlist.'),
  allowed_chats: textList('Chat ids of the groups that are answered. Default: [].'),
  require_mention: z.boolean().default(true).describe('Answers in groups only when named or replied to. Default true.'),
  home_chat: z
    .string()
    .trim()
    .min(1)
    .optional()
    .describe('Chat that gets notices and scheduled results. Default: none.'),
  unauthorized_dm: z
    .enum(['code', 'ignore'])
    .optional()
    .describe('What a stranger in a direct message gets. Default: as pairing.unauthorized_dm.'),
});

const coreSchema = z.strictObject(coreSections);

type CommonSettings = z.output<typeof accountCommon>;

/** One login of ours on a platform. */
export interface AccountConfig extends Readonly<Omit<CommonSettings, 'enabled'>> {
  /** Key under `accounts`, or "default". */
  readonly name: string;
  readonly enabled: boolean;
  /** The platform's own settings as its schema parsed them, secrets included; undefined when not enabled. */
  readonly settings: unknown;
  /** Dotted name of its section, for messages. */
  readonly path: string;
}

export interface PlatformConfig {
  /** True when at least one account is. */
  readonly enabled: boolean;
  readonly accounts: readonly AccountConfig[];
}

/** The whole configuration, deeply frozen. Every platform of the manifests has an entry. */
export type Config = Readonly<z.output<typeof coreSchema>> & {
  readonly platforms: Readonly<Record<string, PlatformConfig>>;
};

export interface PlatformSchema {
  manifest: PlatformManifest;
  common: typeof accountCommon;
  /** The manifest's schema; an object schema is made strict, so that typos are errors. */
  settings: z.ZodType;
  /** Keys of one account. */
  keys: readonly string[];
}

export interface ConfigSchema {
  core: typeof coreSchema;
  platforms: ReadonlyMap<string, PlatformSchema>;
}

/** Composes the schema. Throws AppError `internal` when two manifests share an id or one takes a key that is common to all. */
export function makeConfigSchema(manifests: readonly PlatformManifest[]): ConfigSchema {
  const platforms = new Map<string, PlatformSchema>();
  for (const manifest of manifests) {
    if (platforms.has(manifest.id)) throw new AppError('internal', `Two platforms are called ${manifest.id}.`);
    platforms.set(manifest.id, platformSchema(manifest));
  }
  return { core: coreSchema, platforms };
}

function platformSchema(manifest: PlatformManifest): PlatformSchema {
  const settings = manifest.settings;
  const common = Object.keys(accountCommon.shape);
  const own =
    settings instanceof z.ZodObject ? Object.keys(settings.shape) : manifest.secrets.map((secret) => secret.key);
  const taken = own.find((key) => key === 'accounts' || common.includes(key));
  if (taken !== undefined)
    throw new AppError(
      'internal',
      `Platform ${manifest.id} cannot have a setting called ${taken}: it is common to all.`,
    );
  const open = settings instanceof z.ZodObject && settings.def.catchall === undefined;
  return { manifest, common: accountCommon, settings: open ? settings.strict() : settings, keys: [...common, ...own] };
}
