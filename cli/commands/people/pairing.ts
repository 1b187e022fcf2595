// Who may talk to Herald, decided on the machine itself.
import { callControl } from '../../client.ts';
import type { CliContext, Given } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import type { OperationOutput } from '../../../gateway/control/operations.ts';
import { formatPreview, formatSpan, formatTable, formatTime, printable } from '../../output.ts';

export async function runPairingList(context: CliContext, given: Given): Promise<number> {
  const list = await callControl(context.home, 'pairing.list', { platform: given.arg(0) });
  context.print(list, (value) => formatPairing(value, context.clock.now()));
  return EXIT.ok;
}

export async function runPairingApprove(context: CliContext, given: Given): Promise<number> {
  const approved = await callControl(context.home, 'pairing.approve', {
    platform: given.need(0),
    code: given.need(1),
    me: given.flag('me'),
  });
  context.print(approved, (value) => {
    const owner = value.firstOwner ? ' They are the owner, as the first one.' : '';
    return `${formatPreview(value.name, 64)} (${value.platform} user ${printable(value.user)}) is paired now as ${value.role}.${owner}`;
  });
  return EXIT.ok;
}

export async function runPairingRevoke(context: CliContext, given: Given): Promise<number> {
  const revoked = await callControl(context.home, 'pairing.revoke', { platform: given.need(0), user: given.need(1) });
  context.print(revoked, () => `${given.need(0)} user ${given.need(1)} may not talk to Herald any more.`);
  return EXIT.ok;
}

export async function runPairingClear(context: CliContext, given: Given): Promise<number> {
  const cleared = await callControl(context.home, 'pairing.clear-pending', { platform: given.arg(0) });
  context.print(cleared, (value) => `${value.cleared} open ${value.cleared === 1 ? 'request' : 'requests'} forgotten.`);
  return EXIT.ok;
}

export async function runPairingLink(context: CliContext): Promise<number> {
  const made = await callControl(context.home, 'link-code', {});
  context.print(made, (value) => {
    const span = formatSpan(value.expiresAt - context.clock.now());
    const link = value.link === undefined ? '' : `Open ${value.link}\nor `;
    return `${link}${link === '' ? 'S' : 's'}end \`/link ${value.code}\` from the chat that is yours. It makes its sender the owner, once, within ${span}.`;
  });
  return EXIT.ok;
}

function formatPairing(list: OperationOutput<'pairing.list'>, now: number): string {
  const pending = list.pending.map((request) => [
    `  ${request.platform}`,
    printable(request.user),
    formatPreview(request.userName, 40),
    `asked ${formatSpan(now - request.createdAt)} ago, code holds ${formatSpan(request.expiresAt - now)} more`,
  ]);
  const paired = list.paired.map((identity) => [
    `  ${identity.platform}`,
    printable(identity.user),
    formatPreview(identity.name, 40),
    `${identity.role} ${formatPreview(identity.personName, 40)}`,
    `since ${formatTime(identity.createdAt)}`,
  ]);
  return [
    `Requests${pending.length === 0 ? ': none' : `\n${formatTable(pending)}`}`,
    `Paired${paired.length === 0 ? ': nobody' : `\n${formatTable(paired)}`}`,
    ...(pending.length === 0
      ? []
      : ['Let somebody in with the code that they were shown: herald pairing approve <platform> <code>']),
  ].join('\n');
}
