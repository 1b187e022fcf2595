// Ctrl-C and SIGTERM as an abort signal, for commands that have something to end in order.
import { EXIT } from './exit-codes.ts';

export interface Interrupt {
  /** Aborts at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */
  signal: AbortSignal;
  /** Gives the signals their usual meaning back. */
  release(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function untilInterrupted(): Interrupt {
  const controller = new AbortController();
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
