// Herald as an MCP server on the gateway's own port, when the configuration wants it: each request with a key of a person.
import type { AdapterManifest } from '../../../adapters/contract.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { findPerson } from '../../../data/process/people.ts';
import { accountId, type PersonId } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/log.ts';
import type { ControlContext } from '../../control/operation.ts';
import type { HttpServer } from '../../http/server.ts';

/** Platforms with keys have one account. */
const ACCOUNT = accountId('default');

export interface McpMount {
  http: Pick<HttpServer, 'mount'>;
  context: ControlContext;
  manifests: readonly AdapterManifest[];
  allowedHosts: readonly string[];
  log: Logger;
}

/** Serves it at /mcp; resolves with what ends it. */
export async function mountMcpServer(input: McpMount): Promise<() => Promise<void>> {
  const { makeMcpService } = await import('../../mcp/service.ts');
  const { context, manifests } = input;
  const service = makeMcpService({ ...input, findPerson: (request) => personOf(context.db, manifests, request) });
  const unmount = input.http.mount('mcp', 'server', service.handler, { at: 'mcp' });
  return async () => {
    unmount();
    await service.close();
  };
}

async function personOf(
  db: ProcessDb,
  manifests: readonly AdapterManifest[],
  request: Request,
): Promise<PersonId | undefined> {
  for (const { id, readKey } of manifests) {
    const user = readKey?.(request);
    if (user !== undefined) return (await findPerson(db, { platform: id, account: ACCOUNT, user }))?.id;
  }
  return undefined;
}
