// What the ssh client says when it fails, as errors that say what to do. Texts are those of OpenSSH, which translates none of them.
import { AppError } from '../../../shared/errors.ts';
import { complaint } from '../output.ts';

/** Exit status of ssh itself; any other is that of the remote command. Source: ssh(1), EXIT STATUS. */
const SSH_FAILED = 255;

/** The error of a call that brought no end mark; undefined when the remote shell ended with a status of its own. */
export function explainSsh(host: string, code: number, stderr: string): AppError | undefined {
  if (code !== SSH_FAILED) return undefined;
  const cause = new Error(stderr.trim() === '' ? 'ssh said nothing' : stderr.trim());
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i.test(stderr))
    return new AppError(
      'terminal_unreachable',
      `The key of ${host} is not the one that is known. The machine was set up anew, or somebody stands in between. Nothing was sent. Compare the fingerprint with the machine's; if it is right, remove the old key with \`ssh-keygen -R ${host}\` and add the new one.`,
      { cause },
    );
  if (/Host key verification failed|No .* host key is known/i.test(stderr))
    return new AppError(
      'terminal_unreachable',
      `The key of ${host} is not known yet, so nothing was sent. Connect once by hand and check the fingerprint, or set terminal.ssh.host_key to accept-new.`,
      { cause },
    );
  if (
    /Permission denied \(|Too many authentication failures|no mutual signature|Load key .*(error|invalid)/i.test(stderr)
  )
    return new AppError(
      'terminal_unreachable',
      `${host} does not let Herald log in. Nothing was run. Check terminal.ssh.user and identity_file, and that the public key stands in authorized_keys there.`,
      { cause },
    );
  if (/Bad configuration option|Bad owner or permissions|command-line line/i.test(stderr))
    return new AppError('tool_unavailable', `ssh refuses its configuration: ${complaint(stderr)}. Nothing was run.`, {
      cause,
    });
  return new AppError(
    'terminal_unreachable',
    /resolve hostname/i.test(stderr)
      ? `The name ${host} is not known to the network. Nothing was run. Check terminal.ssh.host.`
      : `${host} cannot be reached, or the connection broke (${complaint(stderr)}). A command that had begun may go on there. Try again in a moment.`,
    { retryable: true, cause },
  );
}
