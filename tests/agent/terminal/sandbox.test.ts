// The local backend in its sandbox, held against the contract of terminals.
import { openLocal, sandboxProblem } from '../../support/terminal/local.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';

terminalContract('local in its sandbox', { open: () => openLocal('require'), skip: await sandboxProblem() });
