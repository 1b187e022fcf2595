// A control API over the gateway's real core, a real database and a fake platform.
import { makeControlHandler } from '../../../gateway/control/http.ts';
import type { ControlContext } from '../../../gateway/control/operation.ts';
import {
  findOperation,
  outputsByName,
  runOperation,
  type OperationInput,
  type OperationName,
  type OperationOutput,
} from '../../../gateway/control/operations.ts';
import type { GatewayActions } from '../../../gateway/actions.ts';
import { makeFileStore } from '../../../gateway/media/downloads.ts';
import { openPairing, type Pairing } from '../../../pairing/pairing.ts';
import { silentLog } from '../../../shared/log.ts';
import { makeFakePlatform, type FakePlatform } from '../../support/fake-platform.ts';
import { openTestGateway, type TestGateway, type TestGatewayOptions } from '../../support/gateway.ts';

export interface ControlFixture {
  gateway: TestGateway;
  fake: FakePlatform;
  pairing: Pairing;
  context: ControlContext;
  /** What was asked of the process: stop, restart, reload, backup. */
  asked: string[];
  call<Name extends OperationName>(name: Name, input: OperationInput<Name>): Promise<OperationOutput<Name>>;
  /** POST with a JSON body; resolves with status and parsed answer. */
  post(path: string, body: string, method?: string): Promise<{ status: number; body: unknown }>;
}

export async function openControl(
  options: Omit<TestGatewayOptions, 'platforms'> & { offline?: boolean } = {},
): Promise<ControlFixture> {
  const fake = makeFakePlatform();
  const gateway = await openTestGateway({ ...options, platforms: [fake] });
  const { db, clock, home } = gateway;
  const pairing = openPairing({ db, clock, log: silentLog });
  const asked: string[] = [];
  const actions: GatewayActions = {
    ...gateway.core.actions,
    stop: async (reason) => void asked.push(`stop ${reason}`),
    restart: async (reason) => void asked.push(`restart ${reason}`),
    reload: async () => void asked.push('reload'),
    backup: async (file) => {
      asked.push(`backup ${file ?? 'default'}`);
      return { file: file ?? '/default.db' };
    },
  };
  const files = makeFileStore({ home, clock, maxBytes: 1_000 });
  const context: ControlContext = {
    db,
    pairing,
    clock,
    home,
    actions: options.offline ? undefined : actions,
    ownerLink: (code) => `http://page/#link=${code}`,
    storeUpload: (name, mime, body) => files.keep(name, mime, body),
  };
  const handle = makeControlHandler(context);
  return {
    gateway,
    fake,
    pairing,
    context,
    asked,
    async call(name, input) {
      const operation = findOperation(name);
      if (!operation) throw new Error(`no operation ${name}`);
      // Through JSON and the output schema, as the command line sees it.
      const result: unknown = JSON.parse(JSON.stringify(await runOperation(operation, context, input)));
      return outputsByName[name].output.parse(result);
    },
    async post(path, body, method = 'POST') {
      const answer = await handle(
        new Request(`http://localhost${path}`, { method, ...(method === 'GET' ? {} : { body }) }),
      );
      return { status: answer.status, body: await answer.json() };
    },
  };
}
