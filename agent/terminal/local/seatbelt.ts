// The sandbox on macOS: a profile for sandbox-exec. The last rule that fits wins.
export interface SeatbeltPlan {
  workspace: string;
  stateDir: string;
  tmp: string;
  home: string;
  hidden: readonly string[];
  network: boolean;
}

/**
 * Profile language: https://reverse.put.as/wp-content/uploads/2011/09/Apple-Sandbox-Guide-v1.0.pdf (read 2026-11-21). Paths must be real ones,
 * without links: /private/tmp, not /tmp.
 */
export function seatbeltProfile(plan: SeatbeltPlan): string {
  const own = [plan.workspace, plan.stateDir, plan.tmp, plan.home].map(subpath).join(' ');
  return [
    '(version 1)',
    '(allow default)',
    '(deny file-write*)',
    `(deny file-read* ${[...plan.hidden, '/Users', '/Volumes'].map(subpath).join(' ')})`,
    // Folders on the way must be looked up for a path in them to be found.
    '(allow file-read-metadata)',
    `(allow file-read* file-write* ${own})`,
    '(allow file-write* (literal "/dev/null") (literal "/dev/tty") (regex #"^/dev/ttys[0-9]+$") (literal "/dev/ptmx"))',
    '(deny mach-lookup (global-name "com.apple.SecurityServer") (global-name "com.apple.securityd"))',
    ...(plan.network ? [] : ['(deny network*)', '(allow network* (local ip "localhost:*") (remote ip "localhost:*"))']),
    '',
  ].join('\n');
}

function subpath(folder: string): string {
  return `(subpath "${folder.replace(/["\\]/g, String.raw`\$&`)}")`;
}
