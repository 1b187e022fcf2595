// The local backend without a sandbox, held against the contract of terminals.
import { openLocal } from '../../support/terminal/local.ts';
import { terminalContract } from '../../contracts/terminal-contract.ts';

terminalContract('local without a sandbox', { open: () => openLocal('off') });
