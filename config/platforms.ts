// `platforms.<id>`: one account, or several under `accounts`, brought to one form. Decides which of them run: what the file says
// (`enabled`), else whether the required secrets are there.
import type { AccountConfig, PlatformConfig, PlatformManifest, PlatformSchema } from './schema.ts';
import { describeFound } from './problems.ts';
import { checkValue, reportUnknownKey, type ValueContext } from './validate.ts';
import { isSection, newSection, type ValuePath } from './value-path.ts';

export interface PlatformInput {
  schema: PlatformSchema;
  /** The raw section; undefined when the file has none and the environment gave nothing. */
  raw: unknown;
  /** Whether config.yaml mentions the platform. */
  inFile: boolean;
  warn(message: string): void;
}

/** One account before it is checked: its own keys over those that it shares with the other accounts. */
interface RawAccount {
  name: string;
  path: ValuePath;
  own: Record<string, unknown>;
  shared: Record<string, unknown>;
  sharedPath: ValuePath;
}

const ACCOUNT_NAME = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** Checks the section of one platform; undefined when it has problems (all of them are reported). */
export function checkPlatform(input: PlatformInput, context: ValueContext): PlatformConfig | undefined {
  const path: ValuePath = ['platforms', input.schema.manifest.id];
  if (input.raw !== undefined && !isSection(input.raw)) {
    const found = describeFound(input.raw, context.isSecret(path));
    context.report({ path, source: context.sourceOf(path), message: `found ${found}; expected a section with keys` });
    return undefined;
  }
  const accounts = splitAccounts(input.raw ?? newSection(), path, input, context);
  if (accounts === undefined) return undefined;
  const checked = accounts.map((account) => checkAccount(account, input, context));
  if (sharesSecret(accounts, input, context)) return undefined;
  const good = checked.filter((account) => account !== undefined);
  if (good.length < checked.length) return undefined;
  return { enabled: good.some((account) => account.enabled), accounts: good };
}

function splitAccounts(
  raw: Record<string, unknown>,
  path: ValuePath,
  input: PlatformInput,
  context: ValueContext,
): RawAccount[] | undefined {
  const { accounts, ...shared } = raw;
  if (accounts === undefined) return [{ name: 'default', path, own: shared, shared: newSection(), sharedPath: path }];
  const accountsPath = [...path, 'accounts'];
  if (!isSection(accounts) || Object.keys(accounts).length === 0) {
    const message = `found ${describeFound(accounts, false)}; expected a section with a name for each account`;
    context.report({ path: accountsPath, source: context.sourceOf(accountsPath), message });
    return undefined;
  }
  for (const key of Object.keys(shared)) {
    if (!input.schema.keys.includes(key)) reportUnknownKey([...path, key], [...input.schema.keys, 'accounts'], context);
  }
  const known = Object.fromEntries(Object.entries(shared).filter(([key]) => input.schema.keys.includes(key)));
  const split: RawAccount[] = [];
  for (const [name, own] of Object.entries(accounts)) {
    const ownPath = [...accountsPath, name];
    if (!ACCOUNT_NAME.test(name)) {
      const message = 'this name cannot be used: up to 32 lower-case letters, digits, _ and -';
      context.report({ path: ownPath, source: context.keySourceOf(ownPath), message });
    } else if (!isSection(own)) {
      const message = `found ${describeFound(own, false)}; expected a section with keys`;
      context.report({ path: ownPath, source: context.sourceOf(ownPath), message });
    } else {
      split.push({ name, path: ownPath, own, shared: known, sharedPath: path });
    }
  }
  return split.length === Object.keys(accounts).length ? split : undefined;
}

function checkAccount(account: RawAccount, input: PlatformInput, context: ValueContext): AccountConfig | undefined {
  const merged = { ...account.shared, ...account.own };
  const commonKeys = Object.keys(input.schema.common.shape);
  const [common, rest] = partition(merged, (key) => commonKeys.includes(key));
  const locate = (path: ValuePath): ValuePath => {
    const key = path[0];
    const inherited = typeof key === 'string' && !Object.hasOwn(account.own, key) && Object.hasOwn(account.shared, key);
    return [...(inherited ? account.sharedPath : account.path), ...path];
  };
  const checkedCommon = checkValue({ schema: input.schema.common, value: common, locate }, context);
  const missing = missingSecrets(merged, input);
  const enabled = decideEnabled(account, { explicit: checkedCommon?.enabled, missing }, input, context);
  const settings = checkValue(
    {
      schema: input.schema.settings,
      value: rest,
      locate,
      rootKeys: [...input.schema.keys, ...(account.name === 'default' ? ['accounts'] : [])],
      // A missing secret is told once, by its environment name; what is switched off may lack anything.
      ignore: (path, isMissing) => isMissing && (!enabled || missing.some((secret) => secret.key === path[0])),
    },
    context,
  );
  if (checkedCommon === undefined || (enabled && settings === undefined)) return undefined;
  const { enabled: _, ...restCommon } = checkedCommon;
  const path = account.path.join('.');
  return { ...restCommon, name: account.name, enabled, settings: enabled ? settings : undefined, path };
}

function decideEnabled(
  account: RawAccount,
  { explicit, missing }: { explicit: boolean | undefined; missing: PlatformManifest['secrets'] },
  input: PlatformInput,
  context: ValueContext,
): boolean {
  const { manifest } = input.schema;
  const whole = account.shared['enabled'];
  if (explicit === false || whole === false || whole === 'false') return false;
  const names = missing.map((secret) => secret.env).join(' and ');
  if (explicit === true && missing.length > 0) {
    for (const secret of missing) {
      const path = [...account.path, secret.key];
      const message = `is missing while ${manifest.id} is switched on; set ${secret.env} in .env, or enabled: false`;
      context.report({ path, source: context.sourceOf(path), message });
    }
  } else if (missing.length > 0 && input.inFile) {
    input.warn(
      `${manifest.title} has settings but does not start: ${names} is not set (or ${account.path.join('.')}.${missing[0]?.key ?? ''}).`,
    );
  }
  if (explicit === true) return missing.length === 0;
  if (manifest.builtin) return missing.length === 0;
  const needsSecrets = manifest.secrets.some((secret) => secret.required);
  return needsSecrets ? missing.length === 0 : input.inFile;
}

function missingSecrets(merged: Readonly<Record<string, unknown>>, input: PlatformInput) {
  return input.schema.manifest.secrets.filter((secret) => {
    const value = merged[secret.key];
    return secret.required && (value === undefined || value === null || value === '');
  });
}

/** Two accounts with one login would take each other's messages. */
function sharesSecret(accounts: readonly RawAccount[], input: PlatformInput, context: ValueContext): boolean {
  let shares = false;
  const required = input.schema.manifest.secrets.filter((secret) => secret.required);
  const seen = new Map<string, string>();
  for (const account of required.length === 0 ? [] : accounts) {
    const merged: Readonly<Record<string, unknown>> = { ...account.shared, ...account.own };
    const login = JSON.stringify(required.map((secret) => merged[secret.key] ?? null));
    if (missingSecrets(merged, input).length > 0 || merged['enabled'] === false) continue;
    const other = seen.get(login);
    seen.set(login, account.name);
    if (other === undefined) continue;
    shares = true;
    const message = `has the same login as account ${other}; each account needs its own`;
    context.report({ path: account.path, source: context.sourceOf(account.path), message });
  }
  return shares;
}

function partition(record: Readonly<Record<string, unknown>>, isFirst: (key: string) => boolean) {
  const first = newSection();
  const second = newSection();
  for (const [key, value] of Object.entries(record)) (isFirst(key) ? first : second)[key] = value;
  return [first, second] as const;
}
