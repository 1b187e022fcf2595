// The sandbox on Linux: what bubblewrap is told. Nothing of this machine is there but what is named here; system folders read-only.
import fs from 'node:fs';
import path from 'node:path';

export interface SandboxPlan {
  workspace: string;
  stateDir: string;
  /**
   * Folders of this machine that stand for /tmp and for the home folder inside; never inside a folder that the sandbox can change. Undefined:
   * a little memory, gone with the command.
   */
  tmp: string | undefined;
  home: string | undefined;
  /** Must not be seen, wherever they lie. */
  hidden: readonly string[];
  network: boolean;
  /** Ends with Herald, and with its script. */
  endsWithUs: boolean;
  /** Whether new user namespaces can be forbidden inside, which older versions do not know. */
  canForbidNamespaces: boolean;
}

/** Home folder of commands. */
export const SANDBOX_HOME = '/home/herald';

const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/opt', '/nix/store', '/gnu/store'];
/** No keys, no passwords, no configuration of services: when Herald runs as root, it could read all of /etc. */
const SETTINGS = [
  'alternatives',
  'bash.bashrc',
  'ca-certificates',
  'ca-certificates.conf',
  'debian_version',
  'fonts',
  'group',
  'host.conf',
  'hosts',
  'java',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'magic',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'passwd',
  'pki/ca-trust',
  'pki/tls/cert.pem',
  'pki/tls/certs',
  'profile',
  'protocols',
  'services',
  'ssl/cert.pem',
  'ssl/certs',
  'ssl/openssl.cnf',
  'terminfo',
  'timezone',
  'vim',
];
const RAM_BYTES = String(256 * 1024 * 1024);
const SCRATCH_BYTES = String(64 * 1024 * 1024);

/** Arguments for bwrap, the program to run not included. */
export function bubblewrapArgs(plan: SandboxPlan): string[] {
  return [
    ['--unshare-user', '--unshare-all', '--new-session', '--cap-drop', 'ALL', '--hostname', 'herald'],
    plan.canForbidNamespaces ? ['--disable-userns'] : [],
    plan.endsWithUs ? ['--die-with-parent'] : [],
    plan.network ? ['--share-net'] : [],
    SYSTEM.flatMap(systemFolder),
    SETTINGS.flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]),
    plan.network ? nameResolution() : [],
    ['--proc', '/proc', '--dev', '/dev', '--size', RAM_BYTES, '--tmpfs', '/dev/shm'],
    [own(plan.tmp, '/tmp'), own(plan.tmp, '/var/tmp'), own(plan.home, SANDBOX_HOME)].flat(),
    masks(plan.hidden, SYSTEM),
    ['--bind', plan.workspace, plan.workspace],
    ['--bind', plan.stateDir, plan.stateDir],
    // What is left of the root is memory, and nobody's.
    ['--remount-ro', '/', '--chdir', plan.workspace],
  ].flat();
}

function own(folder: string | undefined, at: string): string[] {
  return folder === undefined ? ['--size', SCRATCH_BYTES, '--tmpfs', at] : ['--bind', folder, at];
}

/** Many systems have /bin as a link to usr/bin. */
function systemFolder(folder: string): string[] {
  const target = linkTarget(folder);
  if (target !== undefined) return ['--symlink', target, folder];
  return ['--ro-bind-try', folder, folder];
}

function linkTarget(file: string): string | undefined {
  try {
    return fs.readlinkSync(file);
  } catch {
    return undefined;
  }
}

/** Often a link to a folder that is not there inside. */
function nameResolution(): string[] {
  try {
    return ['--ro-bind', fs.realpathSync('/etc/resolv.conf'), '/etc/resolv.conf'];
  } catch {
    return [];
  }
}

/** Empty folders in the place of hidden ones that would be seen in one of `shown`. */
function masks(hidden: readonly string[], shown: readonly string[]): string[] {
  return hidden
    .filter((folder) => fs.existsSync(folder) && shown.some((parent) => isWithin(folder, parent)))
    .flatMap((folder) => ['--size', RAM_BYTES, '--tmpfs', folder]);
}

/** True when `file` lies in `folder`, however deep; not for the folder itself. */
export function isWithin(file: string, folder: string): boolean {
  const relative = path.relative(folder, file);
  return relative !== '' && relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}
