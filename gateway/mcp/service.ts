// Herald as an MCP server inside the gateway: sessions over HTTP, each on behalf of the person whose key it came with.
import type { PersonId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import type { ControlContext } from '../control/operation.ts';
import { findOperation, runOperation } from '../control/operations.ts';
import { AppError } from '../../shared/errors.ts';
import { makeBackend } from './backend.ts';
import { makeMcpHttp, type McpHttp } from './http.ts';
import { makeHeraldServer } from './tools.ts';

export interface McpServiceInput {
  context: ControlContext;
  /** Whose key the request carries; undefined without a valid one. */
  findPerson(request: Request): Promise<PersonId | undefined>;
  /** Names that may stand in the Host header besides loopback ones. */
  allowedHosts: readonly string[];
  log: Logger;
}

export function makeMcpService({ context, findPerson, allowedHosts, log }: McpServiceInput): McpHttp {
  return makeMcpHttp({
    findPerson,
    allowedHosts,
    clock: context.clock,
    log,
    makeServer: (person) => makeHeraldServer(makeBackend(callAs(context, person), person), log),
  });
}

function callAs(context: ControlContext, actor: PersonId) {
  return async (name: string, input: unknown): Promise<unknown> => {
    const operation = findOperation(name);
    if (!operation) throw new AppError('internal', `There is no operation ${name}.`);
    return runOperation(operation, { ...context, actor }, input);
  };
}
