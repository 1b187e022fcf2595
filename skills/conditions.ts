// When a skill is shown: the system it needs, tools that must be there or must not, environment that must be set.
import { extensionOf, isRecord, textsOf } from './format.ts';

export interface SkillConditions {
  /** Operating systems; empty: all. */
  systems: readonly string[];
  requires: readonly string[];
  /** Shown only when none of these is there. */
  fallbackFor: readonly string[];
  environment: readonly RequiredVariable[];
  /** Only a person calls it, by /name. */
  isManual: boolean;
}

export interface RequiredVariable {
  name: string;
  isOptional: boolean;
  help: string;
}

const SYSTEMS: Readonly<Record<string, string>> = { macos: 'darwin', windows: 'win32', linux: 'linux' };

export function conditionsOf(frontMatter: Readonly<Record<string, unknown>>): SkillConditions {
  const extension = extensionOf(frontMatter);
  return {
    systems: textsOf(frontMatter['platforms']).map((name) => SYSTEMS[name.toLowerCase()] ?? name.toLowerCase()),
    requires: [...textsOf(extension['requires_toolsets']), ...textsOf(extension['requires_tools'])],
    fallbackFor: [...textsOf(extension['fallback_for_toolsets']), ...textsOf(extension['fallback_for_tools'])],
    environment: environmentOf(frontMatter),
    isManual: frontMatter['disable-model-invocation'] === true,
  };
}

/** Words that say when it helps, beside name and description. */
export function hintsOf(frontMatter: Readonly<Record<string, unknown>>): readonly string[] {
  const extension = extensionOf(frontMatter);
  return [
    ...textsOf(frontMatter['tags']),
    ...textsOf(frontMatter['triggers']),
    ...textsOf(extension['tags']),
    ...textsOf(extension['triggers']),
  ];
}

function environmentOf(frontMatter: Readonly<Record<string, unknown>>): readonly RequiredVariable[] {
  const listed = frontMatter['required_environment_variables'];
  const now = (Array.isArray(listed) ? listed : []).flatMap((one: unknown): RequiredVariable[] => {
    if (typeof one === 'string') return [{ name: one, isOptional: false, help: '' }];
    if (!isRecord(one) || typeof one['name'] !== 'string') return [];
    const help = one['help'] ?? one['prompt'];
    return [{ name: one['name'], isOptional: one['optional'] === true, help: typeof help === 'string' ? help : '' }];
  });
  const before = isRecord(frontMatter['prerequisites']) ? textsOf(frontMatter['prerequisites']['env_vars']) : [];
  return [...now, ...before.map((name) => ({ name, isOptional: false, help: '' }))].filter(({ name }) =>
    /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name),
  );
}

export interface SkillSurroundings {
  /** As process.platform says it. */
  system: string;
  /** Names and toolsets of the tools of the turn. */
  tools: readonly string[];
  /** Whether a variable of the environment is set. */
  hasVariable(name: string): boolean;
}

/** Why it is not in the index there; undefined when it is. */
export function whyHidden(conditions: SkillConditions, at: SkillSurroundings): string | undefined {
  const { systems, requires, fallbackFor, environment, isManual } = conditions;
  if (isManual) return 'only you call it, by its name';
  if (systems.length > 0 && !systems.includes(at.system)) return `it is for ${systems.join(', ')}`;
  const missing = requires.filter((name) => !at.tools.includes(name));
  if (missing.length > 0) return `it needs ${missing.join(', ')}`;
  const present = fallbackFor.filter((name) => at.tools.includes(name));
  if (present.length > 0) return `it stands in for ${present.join(', ')}, which is there`;
  const unset = environment.filter(({ name, isOptional }) => !isOptional && !at.hasVariable(name));
  if (unset.length > 0)
    return `not set: ${unset.map(({ name, help }) => (help === '' ? name : `${name} (${help})`)).join(', ')}`;
  return undefined;
}
