// What the guard looks for: commands that destroy, stay, hide, or reach for more than a skill needs.
import { rule, SECRET_FILES, type GuardPattern } from './pattern.ts';

const destructive: readonly GuardPattern[] = [
  rule(
    'destructive',
    'critical',
    'deletes a whole system or home',
    '\\brm\\s+(?:-[a-z-]+\\s+){1,4}["\']?(?:/|~|\\$home|/\\*|~/\\*|/(?:etc|usr|var|home|boot|bin|lib))/?["\']?(?:\\s|$|;|&|`)',
  ),
  rule(
    'destructive',
    'critical',
    'overwrites a disk',
    '\\bdd\\b.{0,80}\\bof=/dev/(?:sd|nvme|hd|vd|disk)|>\\s*/dev/(?:sd|nvme|hd|disk)\\w',
  ),
  rule(
    'destructive',
    'critical',
    'formats a disk',
    '\\bmkfs(?:\\.\\w+)?\\s+(?:-\\w+\\s+)*/dev/|\\bdiskutil\\s+erasedisk\\b|\\bformat\\s+[a-z]:\\s*/',
  ),
  rule(
    'destructive',
    'critical',
    'starts processes without end',
    ':\\(\\)\\s*\\{\\s*:\\s*\\|\\s*:\\s*&\\s*\\}\\s*;\\s*:',
  ),
  rule(
    'destructive',
    'high',
    'deletes whatever a variable names',
    '\\brm\\s+(?:-[a-z]+\\s+){1,3}["\']?\\$\\{?[a-z_]+\\}?/?["\']?\\*?\\s*(?:$|;|&)',
  ),
  rule(
    'destructive',
    'high',
    'deletes a database',
    '\\b(?:drop\\s+(?:database|schema)|truncate\\s+table)\\b\\s+[a-z_`"]',
  ),
  rule(
    'destructive',
    'high',
    'throws away work that was not kept',
    '\\bgit\\s+push\\s+.{0,40}(?:--force|-f)\\b.{0,40}\\b(?:main|master)\\b',
  ),
  rule('destructive', 'medium', 'shreds files', '\\bshred\\s+-|\\bsrm\\s+-'),
];

const persistence: readonly GuardPattern[] = [
  rule('persistence', 'critical', 'adds a key that opens the machine', 'authorized_keys'),
  rule(
    'persistence',
    'high',
    'adds a job that runs again and again',
    '\\bcrontab\\s+-(?!l\\b)|\\|\\s*crontab\\b|/etc/cron\\.',
  ),
  rule(
    'persistence',
    'high',
    'changes what runs at each start',
    '>>?\\s*["\']?(?:~|\\$home)?/?\\.?(?:bashrc|zshrc|profile|bash_profile|zprofile)\\b',
  ),
  rule(
    'persistence',
    'high',
    'adds a service of the system',
    '\\bsystemctl\\s+(?:--user\\s+)?enable\\b|\\blaunchctl\\s+(?:load|bootstrap)\\b|/launchagents/|/etc/systemd/system/',
  ),
  rule(
    'persistence',
    'high',
    'runs at each start of Windows',
    '\\\\currentversion\\\\run\\b|\\bschtasks\\b.{0,40}/create',
  ),
  rule('persistence', 'high', 'changes hooks of git', '\\.git/hooks/|core\\.hookspath'),
  rule(
    'persistence',
    'high',
    'changes the settings of agents',
    '>>?\\s*["\']?~?/?[^\\s"\']{0,80}(?:\\.claude/settings|\\.herald/config\\.yaml|\\.hermes/config\\.yaml|mcp\\.json)',
  ),
];

const network: readonly GuardPattern[] = [
  rule(
    'network',
    'critical',
    'opens a shell to another machine',
    '/dev/(?:tcp|udp)/[^\\s/]+/\\d+|\\b(?:nc|ncat|netcat)\\b.{0,40}\\s-[a-z]*e\\b|\\bsocat\\b.{0,80}\\bexec:',
  ),
  rule(
    'network',
    'critical',
    'opens a shell to another machine',
    'socket\\.socket\\b.{0,200}(?:dup2|subprocess)|pty\\.spawn\\(',
  ),
  rule(
    'network',
    'high',
    'opens a tunnel into this machine',
    '\\b(?:ngrok|cloudflared|localtunnel|bore)\\s+(?:http|tcp|tunnel|local)\\b|\\bssh\\b.{0,40}\\s-[a-z]*R\\s*\\d',
  ),
  rule(
    'network',
    'high',
    'reads the identity of a machine in a cloud',
    '169\\.254\\.169\\.254|metadata\\.google\\.internal',
  ),
  rule(
    'network',
    'medium',
    'goes to a bare network address',
    'https?://(?!127\\.|10\\.|192\\.168\\.|0\\.0\\.0\\.0|172\\.(?:1[6-9]|2\\d|3[01])\\.|169\\.254\\.)\\d{1,3}(?:\\.\\d{1,3}){3}\\b',
  ),
];

const obfuscation: readonly GuardPattern[] = [
  rule(
    'obfuscation',
    'critical',
    'runs what is hidden in an encoding',
    '\\bbase64\\s+(?:-d|--decode|-D)\\b.{0,60}\\|\\s*(?:ba|z|da)?sh\\b|\\bxxd\\s+-r\\b.{0,60}\\|\\s*(?:ba|z)?sh\\b',
  ),
  rule(
    'obfuscation',
    'critical',
    'runs what is hidden in an encoding',
    '\\b(?:eval|exec)\\s*\\(.{0,60}(?:b64decode|atob|fromcharcode|fromhex|decompress|rot13|unhexlify)',
  ),
  rule(
    'obfuscation',
    'high',
    'runs a hidden command of PowerShell',
    '\\bpowershell\\b.{0,80}\\s-(?:e|enc|encodedcommand)\\s+[a-z0-9+/=]{20,}',
  ),
  rule('obfuscation', 'high', 'holds a long piece of encoded data', '(?<![a-z0-9+/=,])[a-z0-9+/]{600,}={0,2}'),
  rule(
    'obfuscation',
    'medium',
    'spells text by numbers',
    '(?:\\\\x[0-9a-f]{2}){16,}|(?:chr\\(\\d+\\)\\s*[+.]\\s*){6,}',
  ),
];

const execution: readonly GuardPattern[] = [
  rule(
    'execution',
    'critical',
    'runs what it downloads',
    '\\b(?:curl|wget)\\b[^\\n|]{0,200}\\|\\s*(?:sudo\\s+(?:-\\w+\\s+)*)?(?:ba|z|da|k)?sh\\b(?!.{0,20}#\\s*official)',
  ),
  rule(
    'execution',
    'critical',
    'runs what it downloads',
    '\\b(?:curl|wget)\\b[^\\n|]{0,200}\\|\\s*(?:sudo\\s+)?(?:python3?|node|perl|ruby)\\b\\s*(?:-\\s*)?$',
  ),
  rule(
    'execution',
    'critical',
    'runs what it downloads',
    '\\b(?:ba|z)?sh\\s+(?:-c\\s+)?["\']?(?:<\\(|\\$\\()\\s*(?:curl|wget)\\b|\\b(?:iex|invoke-expression)\\b.{0,60}(?:downloadstring|iwr|invoke-webrequest)|exec\\((?:requests\\.get|urlopen)\\(',
  ),
  rule(
    'execution',
    'high',
    'runs text as a command',
    '\\bos\\.system\\(\\s*(?:input|sys\\.argv|f["\'])|\\beval\\s+["\']?\\$\\((?:curl|wget)',
  ),
  rule('execution', 'medium', 'runs text as a program', '\\b(?:eval|exec)\\(\\s*(?:input\\(|sys\\.argv|request\\.)'),
];

const other: readonly GuardPattern[] = [
  rule(
    'traversal',
    'high',
    'climbs out of its folder',
    '(?:\\.\\./){3,12}(?:etc|root|home|users|\\.ssh)|(?:\\.\\.[\\\\/]){3,12}[^\\s.]{0,40}(?:passwd|shadow|\\.env)',
  ),
  rule(
    'traversal',
    'medium',
    'reads accounts of the system',
    '\\b(?:cat|less|head|open\\()\\s*["\']?/etc/(?:passwd|shadow|sudoers)',
  ),
  rule(
    'mining',
    'critical',
    'mines coins',
    '\\b(?:xmrig|cpuminer|minerd|ethminer|nbminer|t-rex miner)\\b|stratum\\+(?:tcp|ssl)://|coinhive',
  ),
  rule(
    'supply_chain',
    'high',
    'takes packages from another place',
    '\\b(?:pip3?|uv pip)\\s+install\\b.{0,120}(?:--(?:extra-)?index-url|-i)\\s+https?://|\\bnpm\\b.{0,80}--registry[= ]https?://',
  ),
  rule(
    'supply_chain',
    'high',
    'does not check who it talks to',
    '\\bcurl\\b.{0,80}\\s(?:-k|--insecure)\\b|\\bgit\\b.{0,40}http\\.sslverify[= ]false|\\bverify\\s*=\\s*false\\b|node_tls_reject_unauthorized',
  ),
  rule(
    'supply_chain',
    'medium',
    'installs from an address that can change',
    '\\b(?:pip3?|uv pip)\\s+install\\b.{0,60}\\bgit\\+https?://(?![^\\s]{0,200}@[0-9a-f]{7,40})',
  ),
  rule(
    'privilege_escalation',
    'critical',
    'gives itself all rights',
    'nopasswd\\s*:\\s*all|/etc/sudoers(?:\\.d)?\\b.{0,40}(?:>>|tee|echo)|(?:>>|tee(?:\\s+-a)?)\\s*/etc/sudoers|\\bchmod\\s+(?:[ugoa]*\\+s|[2467]7?55)\\s+/(?:bin|usr)',
  ),
  rule(
    'privilege_escalation',
    'high',
    'opens files to everybody',
    '\\bchmod\\s+(?:-r\\s+)?(?:0?777|a\\+rwx)\\s+(?:/|~)',
  ),
  rule(
    'privilege_escalation',
    'high',
    'leaves its container',
    '--privileged\\b.{0,80}\\bdocker\\b|\\bdocker\\s+run\\b.{0,120}(?:--privileged|-v\\s+/:/)|/var/run/docker\\.sock|\\bnsenter\\b',
  ),
  rule(
    'privilege_escalation',
    'low',
    'asks for rights of an administrator',
    '(?:^|[\\s;&|`])sudo\\s+(?!apt|apt-get|dnf|yum|pacman|brew|snap|zypper|apk)[a-z]',
  ),
  rule(
    'credential_exposure',
    'critical',
    'holds a private key',
    '-----begin (?:rsa |ec |openssh |dsa |pgp )?private key(?: block)?-----',
  ),
  rule(
    'credential_exposure',
    'high',
    'holds a key of a service',
    '\\b(?:sk-(?:proj-|ant-)?[a-z0-9_-]{32,}|ghp_[a-z0-9]{36}|github_pat_[a-z0-9_]{40,}|xox[abp]-\\d+-[a-z0-9-]{20,}|akia[0-9a-z]{16}|aiza[0-9a-z_-]{35})\\b',
  ),
  rule(
    'credential_exposure',
    'high',
    'shows secrets',
    `\\b(?:cat|type|less|print|echo)\\b\\s+["']?(?:~|\\$home|/root|/home/[^\\s/]+)/?${SECRET_FILES}`,
  ),
  rule(
    'credential_exposure',
    'high',
    'asks for a secret in the chat',
    '\\bask\\b.{0,30}\\b(?:user|person|owner)\\b.{0,40}\\b(?:to (?:paste|send|type|share|give)|for)\\b.{0,30}\\b(?:password|private key|seed phrase|recovery phrase|2fa code|api key)\\b',
  ),
  rule(
    'credential_exposure',
    'high',
    'takes stored passwords out of browsers or key stores',
    '\\bsecurity\\s+(?:find-generic-password|dump-keychain)\\b|\\bsecret-tool\\s+(?:lookup|search)\\b|login data.{0,40}sqlite|cookies\\.sqlite',
  ),
];

export const commandPatterns: readonly GuardPattern[] = [
  ...destructive,
  ...persistence,
  ...network,
  ...obfuscation,
  ...execution,
  ...other,
];
