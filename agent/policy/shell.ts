// Reads a shell command far enough to judge it: which programs it names, with which words. Not a shell: what it cannot be sure of it
// calls unclear, and unclear commands are never taken for harmless ones.

export interface SimpleCommand {
  /** Program and arguments with quotes taken away; `undefined` in place of a word that only the shell knows. */
  words: readonly (string | undefined)[];
  /** Files that are written by redirection; undefined when only the shell knows which. */
  writes: readonly (string | undefined)[];
  /** Standard output of the command before is its input. */
  isPiped: boolean;
}

export interface ParsedCommand {
  commands: readonly SimpleCommand[];
  /** False: there is more to it than `commands` say (substitutions, loops, functions, here-documents …). */
  isClear: boolean;
}

/** Nesting of substitutions that is followed. */
const MAX_DEPTH = 8;
const MAX_LENGTH = 200_000;
/** Words that begin a construct, or turn other words into commands. */
const KEYWORDS: ReadonlySet<string> = new Set([
  'if',
  'then',
  'else',
  'elif',
  'fi',
  'for',
  'while',
  'until',
  'do',
  'done',
  'case',
  'esac',
  'select',
  'function',
  'time',
  '{',
  '}',
  '!',
  '[[',
  'coproc',
]);

export function parseCommand(text: string): ParsedCommand {
  if (text.length > MAX_LENGTH) return { commands: [], isClear: false };
  const reader = new Reader(text.replace(/\\\r?\n/g, ''), 0);
  reader.run();
  return { commands: reader.commands, isClear: reader.isClear };
}

class Reader {
  readonly commands: SimpleCommand[] = [];
  isClear = true;
  readonly #text: string;
  readonly #depth: number;
  #at = 0;
  #words: (string | undefined)[] = [];
  #writes: (string | undefined)[] = [];
  #isPiped = false;

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
    if (depth > MAX_DEPTH) {
      this.isClear = false;
      this.#at = text.length;
    }
  }

  run(): void {
    while (this.#at < this.#text.length) this.#step();
    this.#end(false);
  }

  #step(): void {
    const rest = this.#text.slice(this.#at, this.#at + 3);
    const sign = rest.charAt(0);
    if (sign === '#' && this.#isWordStart()) return this.#skipComment();
    if (/^[ \t]/.test(sign)) return void this.#at++;
    if (/^[\n;&|()]/.test(sign)) return this.#separator(rest);
    const [redirection] =
      /^\d*(?:&>>?|>>|>\||>&|<<<|<<-?|<>|<&|>|<)/.exec(this.#text.slice(this.#at, this.#at + 8)) ?? [];
    if (redirection !== undefined) return this.#redirect(redirection);
    this.#words.push(this.#word());
  }

  #isWordStart(): boolean {
    return this.#at === 0 || /[\s;&|()]/.test(this.#text.charAt(this.#at - 1));
  }

  #skipComment(): void {
    const end = this.#text.indexOf('\n', this.#at);
    this.#at = end === -1 ? this.#text.length : end;
  }

  #separator(rest: string): void {
    if (rest.startsWith('&>')) return this.#redirect(/^&>>?/.exec(rest)?.[0] ?? '&>');
    if (/[()]/.test(rest.charAt(0))) this.isClear = false;
    const isPipe = rest.startsWith('|') && !rest.startsWith('||');
    this.#end(isPipe);
    this.#at += /^(?:&&|\|\||;;|\|&)/.test(rest) ? 2 : 1;
  }

  #end(isPipe: boolean): void {
    const words = this.#words;
    while (words.length > 0 && (words[0] === undefined ? false : /^[A-Za-z_]\w*\+?=/.test(words[0]))) {
      // A variable for one command changes what its program does (PATH, LD_PRELOAD, GIT_SSH …).
      this.isClear = false;
      words.shift();
    }
    while (words[0] !== undefined && KEYWORDS.has(words[0])) {
      this.isClear = false;
      words.shift();
    }
    if (words.length > 0 || this.#writes.length > 0)
      this.commands.push({ words: [...words], writes: this.#writes, isPiped: this.#isPiped });
    if (words.length > 0 && words[0] === undefined) this.isClear = false;
    this.#words = [];
    this.#writes = [];
    this.#isPiped = isPipe;
  }

  #redirect(operator: string): void {
    this.#at += operator.length;
    while (/^[ \t]/.test(this.#text.charAt(this.#at))) this.#at++;
    if (/<<-?$/.test(operator)) {
      this.isClear = false;
      return;
    }
    const target = this.#word();
    const isCopy = /[<>]&$/.test(operator) && target !== undefined && /^(\d+|-)$/.test(target);
    if (/>/.test(operator) && !isCopy) this.#writes.push(target);
  }

  /** The next word; undefined when the shell would still change it. */
  #word(): string | undefined {
    let word = '';
    let isKnown = true;
    while (this.#at < this.#text.length) {
      const sign = this.#text.charAt(this.#at);
      if (/[\s;&|()<>]/.test(sign)) break;
      if (sign === "'") word += this.#single();
      else if (sign === '\\') {
        word += this.#text.charAt(this.#at + 1);
        this.#at += 2;
      } else if (sign === '"') {
        const quoted = this.#double();
        if (quoted === undefined) isKnown = false;
        else word += quoted;
      } else if (sign === '$' || sign === '`') {
        isKnown = false;
        this.#expansion();
      } else {
        // What the shell may turn into other words.
        if (/[*?[\]{}]/.test(sign) || (sign === '~' && word === '')) this.#noteGlob(sign, word);
        word += sign;
        this.#at++;
      }
    }
    return isKnown ? word : undefined;
  }

  /** Patterns stay in the word as they are: a rule that knows "/*" must see it. */
  #noteGlob(sign: string, word: string): void {
    if (sign === '{' || (/[*?[]/.test(sign) && this.#words.length === 0 && word === '')) this.isClear = false;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    const text = this.#text.slice(this.#at + 1, end === -1 ? undefined : end);
    if (end === -1) this.isClear = false;
    this.#at = end === -1 ? this.#text.length : end + 1;
    return text;
  }

  #double(): string | undefined {
    let text = '';
    let isKnown = true;
    this.#at++;
    while (this.#at < this.#text.length) {
      const sign = this.#text.charAt(this.#at);
      if (sign === '"') {
        this.#at++;
        return isKnown ? text : undefined;
      }
      if (sign === '\\') {
        const next = this.#text.charAt(this.#at + 1);
        text += /["\\$`\n]/.test(next) ? next : sign + next;
        this.#at += 2;
      } else if (sign === '$' || sign === '`') {
        isKnown = false;
        this.#expansion();
      } else {
        text += sign;
        this.#at++;
      }
    }
    this.isClear = false;
    return undefined;
  }

  /** `$…` or backquotes. Commands in a substitution are commands too. */
  #expansion(): void {
    const rest = this.#text.slice(this.#at);
    if (rest.startsWith("$'")) {
      this.isClear = false;
      this.#at += 1;
      return void this.#single();
    }
    if (rest.startsWith('`')) return this.#substitute(1, rest.indexOf('`', 1), 1);
    if (rest.startsWith('$(')) return this.#substitute(2, closing(rest, 1), 1);
    if (rest.startsWith('${')) {
      const end = closing(rest, 1);
      this.isClear = false;
      this.#at += end === -1 ? rest.length : end + 1;
      return;
    }
    const [name = '$'] = /^\$(?:\w+|[@*#?!$-])?/.exec(rest) ?? [];
    this.#at += name.length;
  }

  #substitute(from: number, end: number, after: number): void {
    this.isClear = false;
    const text = this.#text.slice(this.#at + from, end === -1 ? undefined : this.#at + end);
    const inner = new Reader(text, this.#depth + 1);
    inner.run();
    this.commands.push(...inner.commands);
    this.#at += end === -1 ? this.#text.length : end + after;
  }
}

/** Index of the bracket that closes the one at `open`, quotes left aside; -1 when there is none. */
function closing(text: string, open: number): number {
  const [opener, closer] = text.charAt(open) === '{' ? ['{', '}'] : ['(', ')'];
  let depth = 0;
  let quote = '';
  for (let i = open; i < text.length; i++) {
    const sign = text.charAt(i);
    if (sign === '\\') i++;
    else if (quote !== '') quote = sign === quote ? '' : quote;
    else if (sign === "'" || sign === '"') quote = sign;
    else if (sign === opener) depth++;
    else if (sign === closer && --depth === 0) return i;
  }
  return -1;
}
