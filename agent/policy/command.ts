// What a shell command would do, as far as it can be told from its text: what is never run, what is asked about, and what an answer "always"
// would cover. A second net: the sandbox is the first. Patterns follow what peers ask about.
import type { Assessment } from '../tools/tool.ts';
import { parseCommand, type ParsedCommand, type SimpleCommand } from './shell.ts';

export type CommandAssessment = Pick<Assessment, 'forbidden' | 'risk' | 'grant'>;

type Words = readonly string[];

/** `cwd` as the person would write it. */
export function assessCommand(command: string, { cwd }: { cwd: string }): CommandAssessment {
  const text = normalize(command);
  const parsed = parseCommand(text);
  const commands = parsed.commands.flatMap((one) => unwrap(one, 0));
  const forbidden = findIn(FORBIDDEN_TEXT, text) ?? firstOf(commands, forbiddenIn);
  if (forbidden !== undefined)
    return { forbidden: `It ${forbidden}, which is never done. Say what should be reached, and find another way.` };
  const risks = [firstOf(commands, riskOf), findIn(RISKY_TEXT, text), pipedIntoInterpreter(commands)];
  const risk = risks.find((found) => found !== undefined);
  const grant = grantOf(parsed, cwd);
  return { ...(risk !== undefined && { risk: `It ${risk}.` }), ...(grant && { grant }) };
}

/** As the shell will read it: without signs that only hide something from a reader. */
function normalize(command: string): string {
  // eslint-disable-next-line no-control-regex -- terminal sequences are what is looked for
  const plain = command.replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, '').replace(/\u0000/g, '');
  return plain.normalize('NFKC').replace(/[\u200b-\u200f\u2060\ufeff]/g, '');
}

/** Exactly this command in exactly this folder; none for what only the shell can read to its end. */
function grantOf({ commands, isClear }: ParsedCommand, cwd: string): Assessment['grant'] {
  if (!isClear || commands.length === 0) return undefined;
  if (commands.some(({ words, writes }) => [...words, ...writes].includes(undefined))) return undefined;
  const key = JSON.stringify({
    commands: commands.map(({ words, writes, isPiped }) => ({ words, writes, isPiped })),
    cwd,
  });
  const shown = commands.map(({ words }) => words.join(' ')).join(' ; ');
  return { key, title: `${shown} in ${cwd}`, wide: false };
}

/** Programs that run what follows them. */
const WRAPPERS: ReadonlySet<string> = new Set([
  'sudo',
  'doas',
  'env',
  'nice',
  'nohup',
  'time',
  'timeout',
  'setsid',
  'stdbuf',
  'ionice',
  'command',
  'builtin',
  'exec',
  'xargs',
  'busybox',
  'chroot',
  'unshare',
  'watch',
  'script',
]);

/** The command, and those that it hands to another program. */
function unwrap(command: SimpleCommand, depth: number): readonly SimpleCommand[] {
  const [first] = command.words;
  if (first === undefined || depth > 6) return [command];
  const program = nameOf(first);
  const rest = command.words.slice(1);
  if (WRAPPERS.has(program)) {
    const at = rest.findIndex(
      (word) => word !== undefined && !word.startsWith('-') && !/^[A-Za-z_]\w*=|^\d+[smhd]?$/.test(word),
    );
    return at === -1 ? [command] : [command, ...unwrap({ ...command, words: rest.slice(at) }, depth + 1)];
  }
  if (SHELLS.has(program)) {
    const at = rest.findIndex((word) => word !== undefined && /^-[a-z]*c[a-z]*$/.test(word));
    const script = at === -1 ? undefined : rest[at + 1];
    if (script !== undefined)
      return [command, ...parseCommand(script).commands.flatMap((one) => unwrap(one, depth + 1))];
  }
  if (program === 'find') {
    const at = rest.findIndex((word) => word === '-exec' || word === '-execdir' || word === '-ok');
    if (at !== -1) return [command, ...unwrap({ ...command, words: rest.slice(at + 1) }, depth + 1)];
  }
  if (program === 'eval') {
    const text = rest.map((word) => word ?? '').join(' ');
    return [command, ...parseCommand(text).commands.flatMap((one) => unwrap(one, depth + 1))];
  }
  return [command];
}

const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'zsh', 'dash', 'ksh', 'ash', 'fish']);
const INTERPRETERS = /^(?:python[\d.]*|perl|ruby|node|deno|bun|php|lua|osascript|pwsh)$/;
const DISK = /^\/dev\/(?:sd|hd|vd|xvd|nvme|mmcblk|disk|mapper\/|dm-|md|loop)/;
/** Folders whose loss is the loss of the machine or of a home. */
const ROOT_FOLDER =
  /^(?:\/|\/\*|\/\.\*?|~|~\/|~\/\*|~\/\.\*|\/(?:bin|boot|dev|etc|home|lib|lib64|opt|proc|root|sbin|sys|usr|var|Users|System|Library|Applications)(?:\/\*?)?|\/(?:home|Users)\/[^/]+(?:\/\*?)?)$/;

function forbiddenIn(command: SimpleCommand): string | undefined {
  const words = known(command);
  const [program = ''] = words;
  const name = nameOf(program);
  if (command.writes.some((file) => file !== undefined && DISK.test(file))) return 'writes over a disk';
  // What the home folder is only the shell knows, so its variable counts as the folder itself.
  if (name === 'rm' && hasFlag(words, 'r', 'recursive', 'R') && targets(words).some(isRootFolder))
    return 'deletes a whole system or home folder';
  if (
    /^(?:chmod|chown|chgrp)$/.test(name) &&
    hasFlag(words, 'R', 'recursive') &&
    targets(words).some((word) => /^\/\*?$/.test(word))
  )
    return 'changes the rights of the whole system';
  if (
    /^mkfs(?:\..+)?$|^(?:wipefs|mkswap|blkdiscard|shred)$/.test(name) &&
    targets(words).some((word) => DISK.test(word))
  )
    return 'destroys a disk';
  if (/^mkfs(?:\..+)?$/.test(name)) return 'makes a new file system';
  if (name === 'dd' && words.some((word) => word.startsWith('of=') && DISK.test(word.slice(3))))
    return 'writes over a disk';
  if (/^(?:shutdown|reboot|halt|poweroff)$/.test(name)) return 'turns the machine off';
  if (/^(?:init|telinit)$/.test(name) && /^[06]$/.test(words[1] ?? '')) return 'turns the machine off';
  if (name === 'systemctl' && words.some((word) => /^(?:poweroff|reboot|halt|kexec|emergency|rescue)$/.test(word)))
    return 'turns the machine off';
  if (name === 'kill' && words.slice(1).includes('-1') && words.length > 2) return 'ends every process';
  if (name === 'find' && words.includes('-delete') && isRootFolder(words[1] ?? ''))
    return 'deletes a whole system or home folder';
  if (name === 'git' && words.includes('clean') && words.some((word, i) => words[i - 1] === '-C' && isRootFolder(word)))
    return 'deletes a whole home folder';
  return undefined;
}

function isRootFolder(word: string): boolean {
  const plain = word.replace(/\/{2,}/g, '/').replace(/(?:\/\.)+(?=\/|$)/g, '');
  return ROOT_FOLDER.test(plain === '' ? '/' : plain);
}

const FORBIDDEN_TEXT: readonly (readonly [RegExp, string])[] = [
  [/([\w:.]+)\s*\(\s*\)\s*\{[^}]*\1\s*\|\s*\1\s*&/, 'starts processes without end'],
  [
    /\brm\s+(?:-\w+\s+|--\S+\s+)*-\w*[rR]\w*\s+(?:-\w+\s+|--\S+\s+)*["']?\$\{?HOME\}?["']?\/?\*?["']?(?:\s|$|;|&|\|)/,
    'deletes a whole home folder',
  ],
  [/--no-preserve-root/, 'deletes the whole system'],
  [/\becho\s+[bcou]\s*>\s*\/proc\/sysrq-trigger/, 'turns the machine off'],
];

const RISKY_TEXT: readonly (readonly [RegExp, string])[] = [
  [/\b(?:drop\s+(?:table|database|schema)|truncate\s+table)\b/i, 'deletes data of a database'],
  [/\bdelete\s+from\s+\w+\s*(?:;|"|'|$)/i, 'deletes all rows of a table'],
  [/\b(?:bash|sh|zsh)\s+<\(\s*(?:curl|wget)\b/, 'runs a program from the network'],
  [/\bchmod\s+(?:\S+\s+)*\+x\s+(\S+)\s*(?:&&|;)\s*(?:\.\/)?\1/, 'makes a file a program and runs it'],
];

/** Of system and account: changes there outlast everything. */
const SENSITIVE_FILE =
  /^(?:\/etc(?:\/|$)|\/boot|\/usr|\/lib|\/bin|\/sbin|~?.*\/\.ssh(?:\/|$)|~\/\.(?:bashrc|profile|zshrc|bash_profile|config\/systemd|config\/autostart)|.*\/\.git\/hooks\/|\/var\/spool\/cron)/;

function riskOf(command: SimpleCommand): string | undefined {
  const words = known(command);
  const [program = ''] = words;
  const name = nameOf(program);
  const found = RISKY_PROGRAMS.find((rule) => rule.programs.test(name) && (rule.fits?.(words) ?? true));
  if (found) return found.what;
  if (command.writes.some((file) => file !== undefined && SENSITIVE_FILE.test(file)))
    return 'writes into a file of the system or of an account';
  return undefined;
}

interface RiskyProgram {
  programs: RegExp;
  fits?(words: Words): boolean;
  what: string;
}

const has =
  (...wanted: readonly string[]) =>
  (words: Words) =>
    wanted.some((word) => words.includes(word));
const both =
  (first: string, ...second: readonly string[]) =>
  (words: Words) =>
    words.includes(first) && second.some((word) => words.includes(word));

const RISKY_PROGRAMS: readonly RiskyProgram[] = [
  {
    programs: /^rm$/,
    fits: (words) =>
      hasFlag(words, 'r', 'recursive', 'R') ||
      targets(words).some((word) => word.startsWith('/') || word.includes('*')),
    what: 'deletes folders or many files',
  },
  { programs: /^(?:shred|wipefs|truncate)$/, what: 'destroys files for good' },
  { programs: /^(?:sudo|doas|su|pkexec)$/, what: 'runs with the rights of another account' },
  {
    programs: /^chmod$/,
    fits: (words) =>
      words.some((word) => /^(?:0?[0-7]?[0-7][67]{2}|[ugoa]*o[ugoa]*[+=][rwx]*w[rwx]*|a[+=]\w*w\w*)$/.test(word)),
    what: 'lets everybody write to files',
  },
  { programs: /^chown$/, fits: (words) => hasFlag(words, 'R', 'recursive'), what: 'changes the owner of many files' },
  { programs: /^dd$/, what: 'writes raw data' },
  {
    programs: /^(?:systemctl|service|launchctl)$/,
    fits: has('stop', 'restart', 'disable', 'mask', 'start', 'enable', 'bootout', 'unload'),
    what: 'changes services of the system',
  },
  {
    programs: /^(?:kill|pkill|killall)$/,
    fits: (words) => words.some((word) => /^-(?:9|KILL|SIGKILL)$/.test(word)) || nameOf(words[0] ?? '') !== 'kill',
    what: 'ends processes',
  },
  {
    programs: /^(?:tee|cp|mv|install|ln|rsync|sed)$/,
    fits: (words) =>
      (nameOf(words[0] ?? '') !== 'sed' || hasFlag(words, 'i', 'in-place')) &&
      targets(words)
        .slice(-1)
        .some((word) => SENSITIVE_FILE.test(word)),
    what: 'writes into a file of the system or of an account',
  },
  {
    programs: /^find$/,
    fits: (words) => words.includes('-delete') || (words.includes('-exec') && words.includes('rm')),
    what: 'deletes what it finds',
  },
  { programs: /^xargs$/, fits: has('rm'), what: 'deletes what it is given' },
  {
    programs: /^(?:docker|podman)$/,
    fits: has('stop', 'kill', 'rm', 'rmi', 'prune', 'down', '-H', '--host', '--context', '--privileged'),
    what: 'changes or reaches containers of the machine',
  },
  { programs: /^git$/, fits: both('reset', '--hard'), what: 'throws away changes' },
  {
    programs: /^git$/,
    fits: (words) =>
      words.includes('push') &&
      words.some(
        (word) =>
          word === '-f' ||
          word.startsWith('--force') ||
          word === '--mirror' ||
          word === '--delete' ||
          /^[+:]./.test(word),
      ),
    what: 'overwrites or deletes what others may rely on',
  },
  {
    programs: /^git$/,
    fits: (words) => words.includes('clean') && hasFlag(words, 'f', 'force'),
    what: 'deletes files that are not under version control',
  },
  {
    programs: /^git$/,
    fits: (words) => words.includes('branch') && (words.includes('-D') || both('--delete', '--force')(words)),
    what: 'deletes a branch',
  },
  {
    programs: /^git$/,
    fits: (words) => words.includes('filter-branch') || words.includes('update-ref'),
    what: 'rewrites history',
  },
  {
    programs: /^(?:npm|pnpm|yarn|cargo|twine|gem)$/,
    fits: has('publish', 'unpublish', 'yank', 'push'),
    what: 'publishes or takes back a package',
  },
  { programs: /^(?:terraform|tofu|pulumi)$/, fits: has('apply', 'destroy', 'up'), what: 'changes infrastructure' },
  { programs: /^kubectl$/, fits: has('delete', 'drain', 'apply', 'scale', 'replace'), what: 'changes a cluster' },
  { programs: /^(?:crontab|at|batch)$/, fits: (words) => !words.includes('-l'), what: 'schedules commands of its own' },
  { programs: /^(?:useradd|userdel|usermod|passwd|groupadd|visudo|adduser|deluser)$/, what: 'changes accounts' },
  {
    programs:
      /^(?:iptables|nft|ufw|firewall-cmd|sysctl|modprobe|insmod|rmmod|mount|umount|swapoff|fdisk|parted|sgdisk)$/,
    what: 'changes the system',
  },
  {
    programs: /^(?:apt|apt-get|dnf|yum|pacman|apk|brew|snap|zypper)$/,
    fits: has(
      'remove',
      'purge',
      'autoremove',
      'install',
      'upgrade',
      'dist-upgrade',
      '-R',
      '-S',
      'del',
      'add',
      'uninstall',
    ),
    what: 'installs or removes programs of the system',
  },
  {
    programs: /^herald$/,
    fits: has('start', 'restart', 'stop', 'config', 'pairing', 'approvals', 'setup', 'backup', 'mcp'),
    what: 'changes Herald itself',
  },
];

/** `curl … | sh` and its like, over any number of pipes. */
function pipedIntoInterpreter(commands: readonly SimpleCommand[]): string | undefined {
  const fits = commands.some(({ words: [program], isPiped }) => {
    const name = program === undefined ? '' : nameOf(program);
    return isPiped && (SHELLS.has(name) || INTERPRETERS.test(name));
  });
  return fits ? 'runs what another command prints' : undefined;
}

function nameOf(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1).toLowerCase();
}

function known(command: SimpleCommand): Words {
  return command.words.map((word) => word ?? '');
}

/** Whether one of the letters stands in a short option, or one of the names is a long one. */
function hasFlag(words: Words, ...names: readonly string[]): boolean {
  return words
    .slice(1)
    .some((word) =>
      names.some((name) =>
        name.length === 1
          ? new RegExp(`^-[A-Za-z]*${name}`).test(word)
          : word === `--${name}` || word.startsWith(`--${name}=`),
      ),
    );
}

function targets(words: Words): Words {
  return words.slice(1).filter((word) => word !== '' && !word.startsWith('-'));
}

function firstOf(
  commands: readonly SimpleCommand[],
  find: (command: SimpleCommand) => string | undefined,
): string | undefined {
  for (const command of commands) {
    const found = find(command);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findIn(patterns: readonly (readonly [RegExp, string])[], text: string): string | undefined {
  return patterns.find(([pattern]) => pattern.test(text))?.[1];
}
