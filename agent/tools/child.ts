// Child processes of tools. Each is the leader of a process group of its own, so that its grandchildren die with it.
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** Time between the polite signal and SIGKILL; both fit in the second that a stopped turn has. */
const GRACE_MS = 250;
/** All that a child finds in its environment unless it is given one: never our own, which may hold keys. */
export const BARE_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

/**
 * Starts `command` without a shell. When `signal` aborts, its whole process group gets SIGTERM and, 250 ms later, SIGKILL. An
 * already aborted signal throws its reason and starts nothing. Failures to start arrive as the child's `error` event.
 */
export function spawnChild(
  command: string,
  args: readonly string[],
  options: SpawnOptions,
  signal: AbortSignal,
): ChildProcess {
  signal.throwIfAborted();
  const child = spawn(command, [...args], { env: BARE_ENV, ...options, shell: false, detached: true });
  const { pid } = child;
  if (pid === undefined) return child;
  const kill = () => {
    signalGroup(pid, 'SIGTERM');
    // Not unreferenced: the group must die even when nothing else keeps the process alive. Grandchildren may outlive their leader.
    setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS);
  };
  signal.addEventListener('abort', kill, { once: true });
  child.once('exit', () => {
    // With nobody left, the id may be given to a stranger.
    if (!signalGroup(pid, 0)) signal.removeEventListener('abort', kill);
  });
  return child;
}

/** False when nobody of the group is left. A group keeps its id while any member lives. */
function signalGroup(leader: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, name);
  } catch {
    return false;
  }
}
