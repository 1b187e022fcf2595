// Which paths hold secrets, and which hold words or programs that steer later turns. Pure; compared without regard to case, because file
// systems of macOS and Windows have none.

/** Folders of keys and logins, wherever they are: also those of other users. */
const SECRET_FOLDERS: ReadonlySet<string> = new Set([
  '.ssh',
  '.aws',
  '.gnupg',
  '.kube',
  '.azure',
  '.password-store',
  '.mozilla',
  '.thunderbird',
  '.1password',
  '.oci',
  'keychains',
  'keyrings',
  'mcp-tokens',
]);

const SECRET_NAMES: ReadonlySet<string> = new Set([
  '.netrc',
  '_netrc',
  '.pgpass',
  '.my.cnf',
  '.pypirc',
  '.htpasswd',
  '.git-credentials',
  '.vault-token',
  '.credentials.json',
  'auth.json',
  'credentials.json',
  'kubeconfig',
]);

/** Endings of keys and key stores. */
const SECRET_NAME = /^\.env|^id_(rsa|dsa|ecdsa|ed25519)(_sk)?$|\.(pem|key|p12|pfx|jks|keystore|ppk|kdbx)$/;
/** Patterns of `.env` files, made to be shared. */
const SHARED_ENV = /^\.env\.(example|sample|template|dist)$/;

/** In a home folder. */
const SECRET_AT_HOME =
  /^(\.npmrc|\.yarnrc\.yml|\.(bash|zsh|python|psql|mysql|node_repl)_history|\.docker\/config\.json|\.cargo\/credentials(\.toml)?|\.gem\/credentials|\.terraform\.d\/credentials.*|\.config\/(gcloud|gh|hub|git\/credentials|google-chrome|chromium|bravesoftware|op|rclone)(\/.*)?|library\/application support\/(google|firefox|bravesoftware)(\/.*)?)$/;

/** Of the system. `/proc/<process>`: environments, memory and open files of processes. */
const SECRET_OF_SYSTEM =
  /^\/etc\/(g?shadow-?|sudoers(\.d(\/.*)?)?|krb5\.keytab|ssh\/ssh_host_.*|ssl\/private(\/.*)?|security\/opasswd|master\.passwd)$|^\/(var\/)?run\/secrets(\/|$)|^\/proc\/([0-9]+|self|thread-self)(\/|$)|^\/proc\/(kcore|kmsg|kallsyms|keys|kpage.*|sysrq-trigger)$|^\/var\/db\/dslocal(\/|$)|^\/private\/etc\/(master\.passwd|sudoers.*)$/;

const INSTRUCTION_NAMES: ReadonlySet<string> = new Set([
  'agents.md',
  'agents.override.md',
  'claude.md',
  'claude.local.md',
  'gemini.md',
  'hermes.md',
  '.hermes.md',
  'soul.md',
  'skill.md',
  'copilot-instructions.md',
  '.cursorrules',
  '.windsurfrules',
  '.clinerules',
  '.goosehints',
  '.rules',
  '.mcp.json',
  // What builds run by themselves.
  '.gitlab-ci.yml',
  '.travis.yml',
  '.drone.yml',
  'jenkinsfile',
  'azure-pipelines.yml',
  'bitbucket-pipelines.yml',
  '.pre-commit-config.yaml',
  'lefthook.yml',
  // What shells and programs run when they start.
  '.bashrc',
  '.bash_profile',
  '.bash_login',
  '.bash_logout',
  '.bash_aliases',
  '.profile',
  '.zshrc',
  '.zshenv',
  '.zprofile',
  '.zlogin',
  '.zlogout',
  '.kshrc',
  '.cshrc',
  '.tcshrc',
  '.inputrc',
  '.xprofile',
  '.xinitrc',
  '.gitconfig',
  '.npmrc',
  '.yarnrc',
  '.yarnrc.yml',
  '.vimrc',
  '.exrc',
]);

/** Folders all of whose files steer: by one name, or by the end of a path. */
const INSTRUCTION_FOLDERS =
  /(^|\/)(\.git|\.husky|\.claude|\.cursor|\.windsurf|\.codex|\.circleci|\.github\/(workflows|actions|instructions|hooks)|\.vscode|\.devcontainer|\.config\/(fish|autostart|systemd|git)|library\/launchagents)\//;

const INSTRUCTION_OF_SYSTEM =
  /^\/etc\/(cron|profile|bash|zsh|systemd|init|rc|environment|ld\.so|pam\.d|apt\/apt\.conf)|^\/var\/spool\/cron\//;

export interface NamedPath {
  /** Absolute and without links. */
  path: string;
  /** What to judge name by name: `path` from the workspace on, or all of it. No slash at its beginning. */
  names: string;
  /** Home folder of the user there. */
  userHome: string | undefined;
}

/** Why this file is nobody's to read or write, for the model; undefined when it is an ordinary one. */
export function secretReason({ path, names, userHome }: NamedPath): string | undefined {
  const parts = names.toLowerCase().split('/');
  const name = parts.at(-1) ?? '';
  if (parts.some((part) => SECRET_FOLDERS.has(part))) return 'it is in a folder of keys and logins';
  if (SECRET_NAMES.has(name)) return 'it holds logins';
  // Folders of that name count too: `.env/` and `.env.d/`.
  if (parts.some((part) => SECRET_NAME.test(part) && !SHARED_ENV.test(part))) return 'it holds keys or secrets';
  const low = path.toLowerCase();
  if (SECRET_OF_SYSTEM.test(low)) return 'it holds secrets of the system';
  const home = userHome?.toLowerCase().replace(/\/+$/, '');
  if (
    home !== undefined &&
    home !== '' &&
    low.startsWith(`${home}/`) &&
    SECRET_AT_HOME.test(low.slice(home.length + 1))
  )
    return 'it holds logins or the history of a shell';
  return undefined;
}

/** Why writing there changes what later turns or programs do, for the person; undefined when it does not. */
export function instructionReason({ path, names }: NamedPath): string | undefined {
  const low = names.toLowerCase();
  if (INSTRUCTION_NAMES.has(low.slice(low.lastIndexOf('/') + 1)) || INSTRUCTION_FOLDERS.test(`/${low}`))
    return 'It steers what programs or I do later.';
  return INSTRUCTION_OF_SYSTEM.test(path.toLowerCase()) ? 'It steers what this machine does later.' : undefined;
}
