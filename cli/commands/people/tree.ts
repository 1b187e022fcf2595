// The commands about who may do what: `herald pairing`, `keys` and `approvals`.
import type { Command } from 'commander';
import { adderTo, group, wholeNumber, type ProgramHooks } from '../../command-tree.ts';

export function addPeopleCommands(program: Command, hooks: ProgramHooks): void {
  addPairingCommands(program, hooks);
  addKeyCommands(program, hooks);
  addApprovalCommands(program, hooks);
}

function addPairingCommands(program: Command, hooks: ProgramHooks): void {
  const addPairing = adderTo(group(program, 'pairing', 'decide who may talk to Herald'), hooks);
  addPairing(
    'list [platform]',
    'show requests and paired accounts',
    async () => (await import('./pairing.ts')).runPairingList,
  );
  addPairing(
    'approve <platform> <code>',
    'let the sender in who was shown this code',
    async () => (await import('./pairing.ts')).runPairingApprove,
  ).option('--me', 'the sender is the owner, from another account');
  addPairing(
    'revoke <platform> <user>',
    "take an account's access away",
    async () => (await import('./pairing.ts')).runPairingRevoke,
  );
  addPairing(
    'clear-pending [platform]',
    'forget open requests',
    async () => (await import('./pairing.ts')).runPairingClear,
  );
  addPairing(
    'link',
    'make a code that pairs its sender as the owner',
    async () => (await import('./pairing.ts')).runPairingLink,
  );
}

function addKeyCommands(program: Command, hooks: ProgramHooks): void {
  const addKeys = adderTo(group(program, 'keys', 'give programs and chat front ends access to the HTTP API'), hooks);
  addKeys('create [name]', 'make a key and print it, once', async () => (await import('./keys.ts')).runKeysCreate)
    .option('--person <who>', 'that speaks for this person instead of the owner')
    .option('--platform <id>', 'of this platform, where several take keys');
  addKeys('list', 'show who has keys', async () => (await import('./keys.ts')).runKeysList);
  addKeys('revoke <id>', 'take a key back', async () => (await import('./keys.ts')).runKeysRevoke);
}

function addApprovalCommands(program: Command, hooks: ProgramHooks): void {
  const add = adderTo(group(program, 'approvals', 'see and take back what Herald may do unasked'), hooks);
  add(
    'list',
    'show what waits for an answer, what is allowed, and the end of the record',
    async () => (await import('../approvals.ts')).runApprovalsList,
  ).option('-n, --limit <count>', 'how many entries of the record (default 20)', wholeNumber(1, 1000));
  add(
    'verify',
    'prove that the record of approvals is whole and unchanged',
    async () => (await import('../approvals.ts')).runApprovalsVerify,
  );
  add(
    'revoke <id>',
    'take a permission back, by its id or the beginning of it',
    async () => (await import('../approvals.ts')).runApprovalsRevoke,
  );
  add(
    'suggest',
    'show what you allow again and again and could allow for good; changes nothing',
    async () => (await import('../approvals.ts')).runApprovalsSuggest,
  );
}
