// A real container engine for tests, where there is one: Podman with storage of its own in a temporary folder, without network, and an
// image that is made of the static busybox of this machine. It is tried once; when a container cannot run here, the reason is told.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const LDD = '/usr/bin/ldd';
const IMAGE = 'localhost/herald-test:1';

export interface RealEngine {
  image: string;
  /** Podman itself. */
  podman: string;
  /** The docker program and the address of the engine for it; undefined where there is no docker program. */
  docker: { program: string; host: string } | undefined;
  remove(): Promise<void>;
}

/** The engine, or why there is none. */
export async function startRealEngine(): Promise<RealEngine | string> {
  const podman = find('podman');
  const busybox = find('busybox');
  const runtime = find('runc') ?? find('crun');
  if (podman === undefined || runtime === undefined) return 'there is no podman with runc or crun';
  if (busybox === undefined || !isStatic(busybox)) return 'there is no static busybox (package busybox-static)';
  // A short name: podman takes no path of more than 50 characters.
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'podman-'));
  const program = path.join(dir, 'podman');
  fs.writeFileSync(path.join(dir, 'containers.conf'), configuration(path.basename(runtime)));
  const storage = `--root '${dir}/root' --runroot '${dir}/run' --tmpdir '${dir}/tmp' --storage-driver vfs`;
  fs.writeFileSync(program, `#!/bin/sh\nCONTAINERS_CONF='${dir}/containers.conf' exec ${podman} ${storage} "$@"\n`, {
    mode: 0o755,
  });
  const remove = () => {
    spawnSync(program, ['rm', '--all', '--force', '--time', '0']);
    spawnSync(program, ['volume', 'prune', '--force']);
    endMonitors(dir);
    fs.rmSync(dir, { recursive: true, force: true });
  };
  const imported = spawnSync(program, ['import', '-', IMAGE], { input: rootFiles(dir, busybox) });
  const tried =
    imported.status === 0 ? spawnSync(program, ['run', '--rm', '--network', 'none', IMAGE, 'true']) : imported;
  if (tried.status !== 0) {
    remove();
    return `podman cannot run a container here: ${String(tried.stderr).trim().split('\n').at(-1)}`;
  }
  const docker = find('docker');
  const service = docker === undefined ? undefined : await startService(program, path.join(dir, 'api.sock'));
  return {
    image: IMAGE,
    podman: program,
    docker: docker === undefined ? undefined : { program: docker, host: `unix://${dir}/api.sock` },
    async remove() {
      if (service !== undefined && service.exitCode === null) {
        service.kill();
        await once(service, 'exit');
      }
      remove();
    },
  };
}

/** Calls over the API leave their monitors for five minutes. Ours carry the folder in their arguments. */
function endMonitors(dir: string): void {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words[0]?.endsWith('/conmon') && words.some((word) => word.startsWith(`${dir}/`)))
        process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended meanwhile.
    }
  }
}

async function startService(program: string, socket: string): Promise<ChildProcess> {
  const service = spawn(program, ['system', 'service', '--time', '0', `unix://${socket}`], { stdio: 'ignore' });
  for (let tries = 0; tries < 200 && !fs.existsSync(socket); tries++) await new Promise((wake) => setTimeout(wake, 20));
  return service;
}

/** Fewer rights than the defaults want are given to test machines; what the tests ask for stays. */
function configuration(runtime: string): string {
  return [
    '[containers]',
    'default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]',
    '[engine]',
    `runtime = "${runtime}"`,
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    '',
  ].join('\n');
}

function rootFiles(dir: string, busybox: string): Buffer {
  const root = path.join(dir, 'files');
  for (const folder of ['bin', 'tmp', 'etc', 'var/tmp', 'proc'])
    fs.mkdirSync(path.join(root, folder), { recursive: true });
  fs.copyFileSync(busybox, path.join(root, 'bin/busybox'));
  for (const name of execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n'))
    if (name !== 'busybox') fs.symlinkSync('busybox', path.join(root, 'bin', name));
  fs.writeFileSync(path.join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nworker:x:1000:1000::/:/bin/sh\n');
  const packed = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 64 * 1024 * 1024 });
  fs.rmSync(root, { recursive: true });
  return packed;
}

function isStatic(program: string): boolean {
  return String(spawnSync(LDD, [program]).stderr).includes('not a dynamic');
}

function find(program: string): string | undefined {
  return ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']
    .map((folder) => path.join(folder, program))
    .find((file) => fs.existsSync(file));
}
