// Exit codes of `herald`: a closed table, shown by `herald --help` and docs/cli.md and pinned by a test. Scripts and supervisors
// rely on them, so a number never changes its meaning.
import type { ErrorCode } from '../shared/errors.ts';

export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  gatewayNotRunning: 3,
  configInvalid: 4,
  notFound: 5,
  /** EX_TEMPFAIL of sysexits.h, which supervisors read as "start me again". */
  restart: 75,
  /** EX_CONFIG of sysexits.h: starting again cannot help before somebody corrects the configuration. */
  startConfigInvalid: 78,
  /** 128 + SIGINT, as shells report it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_MEANINGS: readonly { code: ExitCode; meaning: string }[] = [
  { code: EXIT.ok, meaning: 'done' },
  { code: EXIT.failed, meaning: 'failed; `herald doctor` found something broken' },
  { code: EXIT.usage, meaning: 'the command was not understood' },
  { code: EXIT.gatewayNotRunning, meaning: 'the gateway does not run, and the command needs it' },
  { code: EXIT.configInvalid, meaning: 'the configuration is invalid or cannot be read' },
  { code: EXIT.notFound, meaning: 'no such thing, or not allowed' },
  {
    code: EXIT.restart,
    meaning: '`herald start` ended because a restart was asked for, and could not start itself anew: start it again',
  },
  {
    code: EXIT.startConfigInvalid,
    meaning: '`herald start` cannot run with this configuration: do not start it again unchanged',
  },
  { code: EXIT.interrupted, meaning: 'interrupted with Ctrl-C' },
];

const EXIT_OF: Record<ErrorCode, ExitCode> = {
  config_invalid: EXIT.configInvalid,
  config_unreadable: EXIT.configInvalid,
  home_unwritable: EXIT.failed,
  disk_full: EXIT.failed,
  db_corrupt: EXIT.failed,
  db_locked: EXIT.failed,
  db_newer: EXIT.failed,
  gateway_not_running: EXIT.gatewayNotRunning,
  port_in_use: EXIT.failed,
  not_found: EXIT.notFound,
  not_allowed: EXIT.notFound,
  bad_input: EXIT.usage,
  budget_exceeded: EXIT.failed,
  model_auth: EXIT.failed,
  model_rate_limited: EXIT.failed,
  model_overloaded: EXIT.failed,
  model_context_overflow: EXIT.failed,
  model_bad_request: EXIT.failed,
  model_not_found: EXIT.failed,
  model_billing: EXIT.failed,
  model_unreachable: EXIT.failed,
  model_protocol: EXIT.failed,
  model_refused: EXIT.failed,
  cancelled: EXIT.interrupted,
  timeout: EXIT.failed,
  platform_auth: EXIT.failed,
  platform_unreachable: EXIT.failed,
  terminal_unreachable: EXIT.failed,
  terminal_gone: EXIT.failed,
  too_large: EXIT.failed,
  tool_unavailable: EXIT.failed,
  runtime_too_old: EXIT.failed,
  internal: EXIT.failed,
};

export function exitCodeOf(code: ErrorCode): ExitCode {
  return EXIT_OF[code];
}
