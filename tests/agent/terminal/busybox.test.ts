// Shell and jobs on a machine that has nothing but busybox, and that does not tell of changes: the scripts are the same everywhere.
import { terminalContract } from '../../contracts/terminal-contract.ts';
import { busyboxProblem, openBusybox } from '../../support/terminal/busybox.ts';

terminalContract('busybox', {
  open: () => Promise.resolve(openBusybox()),
  skip: busyboxProblem(),
  skipHeavy: 'the local machine and ssh are tried with it',
});
