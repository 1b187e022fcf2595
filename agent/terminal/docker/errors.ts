// What docker and podman say when they fail, as errors that say what to do.
import { AppError } from '../../../shared/errors.ts';
import { complaint } from '../output.ts';

/** The container is there and does not run. docker: "is not running", "is paused"; podman: "container state improper". */
export function isAsleep(stderr: string): boolean {
  return /is not running|container state improper|is paused|can only create exec sessions on running containers/i.test(
    stderr,
  );
}

export function isMissing(stderr: string): boolean {
  return /no such container|no container with (name or ID|ID or name)|no such object/i.test(stderr);
}

/** The volume is gone already, or belongs to a container that was made anew. */
export function isLeftVolume(stderr: string): boolean {
  return /no such volume|no volume with name|volume is (in use|being used)/i.test(stderr);
}

export function isNameTaken(stderr: string): boolean {
  return /is already in use/i.test(stderr);
}

/** Of a call of the program that failed. `doing`: as in "could not be made". */
export function explainEngine(program: string, doing: string, stderr: string): AppError {
  const cause = new Error(stderr.trim());
  if (isMissing(stderr)) return goneError(cause);
  if (/permission denied while trying to connect|dial unix .*permission denied/i.test(stderr))
    return new AppError(
      'terminal_unreachable',
      `${program} is there, but Herald may not use it. Nothing was run. Add Herald's user to the group of the engine, or use its rootless mode.`,
      { cause },
    );
  if (
    /cannot connect to the docker daemon|error during connect|cannot connect to podman|connection refused/i.test(stderr)
  )
    return new AppError(
      'terminal_unreachable',
      `The container engine of ${program} does not answer. Nothing was run. Start it, then try again.`,
      { retryable: true, cause },
    );
  if (
    /pull access denied|manifest unknown|unable to find image|not found: manifest|no such image|short-name/i.test(
      stderr,
    )
  )
    return new AppError(
      'tool_unavailable',
      `The image cannot be had: ${complaint(stderr)}. Nothing was run. Check terminal.docker.image.`,
      { cause },
    );
  if (/executable file .*not found|no such file or directory.*(exec|sh)/i.test(stderr))
    return new AppError(
      'tool_unavailable',
      'The image has no POSIX sh. Choose another one for terminal.docker.image.',
      {
        cause,
      },
    );
  return new AppError('terminal_unreachable', `The container ${doing}: ${complaint(stderr)}.`, {
    retryable: true,
    cause,
  });
}

export function goneError(cause: Error): AppError {
  return new AppError(
    'terminal_gone',
    'The container is not there any more, with what ran in it. The files of the workspace are kept in their volume; the next command makes a new container.',
    { cause },
  );
}
