// Options of a command line program that is played by a test, judged as strictly as the real one does: unknown, misplaced and malformed
// ones are refused.

export interface OptionRule {
  /** True: takes no value. */
  flag?: boolean;
  /** May stand more than once. */
  repeat?: boolean;
  /** One letter. */
  short?: string;
  /** Whether a value is one that the real program takes. */
  value?: RegExp;
}

export interface ParsedOptions {
  values: Map<string, string[]>;
  /** From the first word that is no option on. */
  words: string[];
}

/** Throws an Error in the words that command line programs use. Options end at the first word, as those of docker and apptainer do. */
export function parseStrictly(args: readonly string[], rules: Readonly<Record<string, OptionRule>>): ParsedOptions {
  const values = new Map<string, string[]>();
  let at = 0;
  for (let arg = args[at]; arg !== undefined && arg.startsWith('-'); arg = args[++at]) {
    const [name, rule] = findRule(arg, rules);
    if (values.has(name) && rule.repeat !== true) throw new Error(`option given twice: --${name}`);
    let value = 'true';
    if (rule.flag !== true) {
      const next = args[++at];
      if (next === undefined) throw new Error(`flag needs an argument: --${name}`);
      if (rule.value !== undefined && !rule.value.test(next))
        throw new Error(`invalid argument "${next}" for "--${name}" flag`);
      value = next;
    }
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return { values, words: args.slice(at) };
}

function findRule(arg: string, rules: Readonly<Record<string, OptionRule>>): [string, OptionRule] {
  for (const [name, rule] of Object.entries(rules))
    if (arg === `--${name}` || (rule.short !== undefined && arg === `-${rule.short}`)) return [name, rule];
  throw new Error(`unknown flag: ${arg}`);
}
