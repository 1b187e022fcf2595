// Completion scripts for shells, written out from the tree of commands: static, so that pressing Tab starts no process of ours.
import type { Command, Option } from 'commander';

export interface CommandDescription {
  /** Names from the top, [] for `herald` itself. */
  path: readonly string[];
  subcommands: readonly { name: string; description: string }[];
  options: readonly OptionDescription[];
  /** Words that the first argument can be, when they are a closed list. */
  words: readonly string[];
}

interface OptionDescription {
  short: string | undefined;
  long: string | undefined;
  description: string;
  takesValue: boolean;
  choices: readonly string[];
}

type Shell = 'bash' | 'zsh' | 'fish';

export function isShell(name: string): name is Shell {
  return name === 'bash' || name === 'zsh' || name === 'fish';
}

/** The command and everything below it, in order of definition. */
export function describeCommands(command: Command, path: readonly string[] = []): readonly CommandDescription[] {
  const own: CommandDescription = {
    path,
    subcommands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: command.options.filter((option) => !option.hidden).map(describeOption),
    words: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [own, ...command.commands.flatMap((child) => describeCommands(child, [...path, child.name()]))];
}

function describeOption(option: Option): OptionDescription {
  return {
    short: option.short,
    long: option.long,
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

export function completionScript(shell: Shell, commands: readonly CommandDescription[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(commands);
    case 'zsh':
      return zshScript(commands);
    case 'fish':
      return fishScript(commands);
  }
}

/** " pairing list": how the scripts note where in the tree the cursor is. */
function at(path: readonly string[]): string {
  return path.map((name) => ` ${name}`).join('');
}

function flagsOf(option: OptionDescription): string[] {
  return [option.long, option.short].filter((flag) => flag !== undefined);
}

function pathPattern(commands: readonly CommandDescription[], quote: (text: string) => string): string {
  return commands
    .filter((command) => command.path.length > 0)
    .map((command) => quote(at(command.path)))
    .join('|');
}

function bashScript(commands: readonly CommandDescription[]): string {
  const offers = commands.map((command) => {
    const words = [
      ...command.subcommands.map((child) => child.name),
      ...command.words,
      ...command.options.flatMap(flagsOf),
    ];
    return `    ${single(at(command.path))}) words=${single(words.join(' '))} ;;`;
  });
  const values = commands.flatMap((command) =>
    command.options
      .filter((option) => option.takesValue)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => single(`${at(command.path)} ${flag}`));
        return `    ${patterns.join('|')}) words=${single(option.choices.join(' '))} ;;`;
      }),
  );
  return `# bash completion of herald. Install it with:  herald completion bash > ~/.local/share/bash-completion/completions/herald
_herald() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${pathPattern(commands, single)}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at" in
${offers.join('\n')}
  esac
  case "$at $prev" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _herald herald`;
}

function zshScript(commands: readonly CommandDescription[]): string {
  const offers = commands.map((command) => {
    const items = [
      ...command.subcommands.map((child) => [child.name, child.description] as const),
      ...command.words.map((word) => [word, ''] as const),
      ...command.options.flatMap((option) => flagsOf(option).map((flag) => [flag, option.description] as const)),
    ].map(([word, description]) => single(`${word.replaceAll(':', '\\:')}:${description}`));
    return `    ${single(at(command.path))}) items=(${items.join(' ')}) ;;`;
  });
  const values = commands.flatMap((command) =>
    command.options
      .filter((option) => option.takesValue)
      .map((option) => {
        const patterns = flagsOf(option).map((flag) => single(`${at(command.path)} ${flag}`));
        const action =
          option.choices.length === 0 ? '_files; return' : `items=(${option.choices.map(single).join(' ')})`;
        return `    ${patterns.join('|')}) ${action} ;;`;
      }),
  );
  return `#compdef herald
# zsh completion of herald. Install it with:  herald completion zsh > "\${fpath[1]}/_herald"
_herald() {
  local at='' i
  local -a items
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
    ${pathPattern(commands, single)}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at" in
${offers.join('\n')}
  esac
  case "$at \${words[CURRENT-1]}" in
${values.join('\n')}
  esac
  _describe herald items || _files
}
compdef _herald herald`;
}

function fishScript(commands: readonly CommandDescription[]): string {
  const lines = commands.flatMap((command) => {
    const where = `complete -c herald -n ${fishQuote(`__herald_at ${fishQuote(at(command.path))}`)}`;
    return [
      ...command.subcommands.map((child) => `${where} -f -a ${child.name} -d ${fishQuote(child.description)}`),
      ...command.words.map((word) => `${where} -f -a ${word}`),
      ...command.options.map((option) => `${where}${fishOption(option)} -d ${fishQuote(option.description)}`),
    ];
  });
  const known = commands.filter((command) => command.path.length > 0).map((command) => fishQuote(at(command.path)));
  return `# fish completion of herald. Install it with:  herald completion fish > ~/.config/fish/completions/herald.fish
function __herald_at
    set -l at ''
    for word in (commandline -opc)[2..-1]
        switch "$at $word"
            case ${known.join(' ')}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
${lines.join('\n')}`;
}

function fishOption(option: OptionDescription): string {
  const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
  const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
  if (!option.takesValue) return short + long;
  return `${short}${long} -r${option.choices.length === 0 ? '' : ` -f -a ${fishQuote(option.choices.join(' '))}`}`;
}

/** In single quotes for bash and zsh. */
function single(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** In single quotes for fish, where a backslash escapes. */
function fishQuote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
