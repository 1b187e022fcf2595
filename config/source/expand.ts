// ${VAR} in texts of config.yaml. `$${` writes a literal `${`.
import type { ConfigProblem, ValueSource } from '../problems.ts';
import { formatPath, type ValuePath } from '../value-path.ts';

export interface Expansion {
  problems: ConfigProblem[];
  /** Names used by the value at a path (formatPath). */
  variables: Map<string, readonly string[]>;
}

interface ExpandInput {
  lookup(name: string): string | undefined;
  sourceOf(path: ValuePath): ValueSource;
}

const REFERENCE = /\$\$\{|\$\{([^}]*)\}|\$\{/g;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Replaces references in every text under `root`, in place. A name that is not set is a problem, never an empty text. */
export function expandVariables(root: object, input: ExpandInput): Expansion {
  const expansion: Expansion = { problems: [], variables: new Map() };
  expandInside(root, [], input, expansion);
  return expansion;
}

function expandInside(parent: object, path: ValuePath, input: ExpandInput, expansion: Expansion): void {
  const entries: [string, unknown][] = Object.entries(parent);
  for (const [name, value] of entries) {
    const valuePath = [...path, Array.isArray(parent) ? Number(name) : name];
    if (typeof value === 'string') {
      if (value.includes('${')) Reflect.set(parent, name, expandText(value, valuePath, input, expansion));
    } else if (typeof value === 'object' && value !== null) {
      expandInside(value, valuePath, input, expansion);
    }
  }
}

function expandText(text: string, path: ValuePath, input: ExpandInput, expansion: Expansion): string {
  const used: string[] = [];
  const fail = (message: string) => expansion.problems.push({ path, source: input.sourceOf(path), message });
  const expanded = text.replace(REFERENCE, (reference, name: string | undefined) => {
    if (reference === '$${') return '${';
    if (name === undefined || !NAME.test(name)) {
      fail('holds "${" without the name of a variable: write ${NAME}, or $${ for the two characters themselves');
      return '';
    }
    const value = input.lookup(name);
    if (value === undefined) {
      fail(
        `uses \${${name}}, which is not set: set ${name} in the environment or in .env, or write $\${ for a literal \${`,
      );
      return '';
    }
    used.push(name);
    return value;
  });
  if (used.length > 0) expansion.variables.set(formatPath(path), used);
  return expanded;
}
