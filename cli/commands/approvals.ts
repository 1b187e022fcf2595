// What Herald may do unasked: list, prove, take back, and what could be allowed for good.
import { callControl } from '../client.ts';
import type { CliContext, Given } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import type { OperationOutput } from '../../gateway/control/operations.ts';
import { formatPreview, formatTable, formatTime } from '../output.ts';

type Listed = OperationOutput<'approvals.list'>;

export async function runApprovalsList(context: CliContext, given: Given): Promise<number> {
  const listed = await callControl(context.home, 'approvals.list', { limit: given.number('limit') });
  context.print(listed, showList);
  return EXIT.ok;
}

function showList({ requests, grants, entries }: Listed): string {
  return [
    section(
      'Waiting for an answer',
      requests.map((one) => [
        one.id,
        one.person,
        one.tool,
        formatPreview(one.arguments, 80),
        `until ${formatTime(one.expiresAt)}`,
      ]),
    ),
    section(
      'Allowed',
      grants.map((one) => [
        one.id,
        one.person,
        one.tool,
        formatPreview(one.title, 80),
        one.session === undefined ? 'always' : 'in one conversation',
        `used ${one.uses} times`,
      ]),
    ),
    section(
      'Record, latest first',
      entries.map((one) => [String(one.seq), formatTime(one.at), one.person, one.kind, formatPreview(one.body, 100)]),
    ),
  ].join('\n\n');
}

function section(title: string, rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? `${title}: nothing.` : `${title}:\n${formatTable(rows)}`;
}

export async function runApprovalsVerify(context: CliContext): Promise<number> {
  const proof = await callControl(context.home, 'approvals.verify', {});
  context.print(proof, (value) =>
    value.ok
      ? `The record is whole: ${value.entries} entries, each signed. Head: ${value.head}\nWho notes the head elsewhere can tell later whether the end was cut off.`
      : `The record is BROKEN at entry ${value.seq}: ${value.problem}. Keep the database as it is, and compare it with a backup.`,
  );
  return proof.ok ? EXIT.ok : EXIT.failed;
}

export async function runApprovalsRevoke(context: CliContext, given: Given): Promise<number> {
  const revoked = await callControl(context.home, 'approvals.revoke', { id: given.need(0) });
  context.print(revoked, ({ tool, title }) => `No longer allowed unasked: ${tool}, ${formatPreview(title, 200)}.`);
  return EXIT.ok;
}

export async function runApprovalsSuggest(context: CliContext): Promise<number> {
  const found = await callControl(context.home, 'approvals.suggest', {});
  context.print(found, (value) =>
    value.length === 0
      ? 'Nothing: no call was allowed three times exactly alike in the last 30 days.'
      : `Nothing was changed. When you are asked for one of these next, \`/approve … always\` allows it for good:\n${formatTable(
          value.map((one) => [one.person, one.tool, formatPreview(one.title, 100), `allowed ${one.times} times`]),
        )}`,
  );
  return EXIT.ok;
}
