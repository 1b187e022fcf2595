// The control API as one table: what the command line may ask of Herald, over the gateway's local socket or, when none runs, of
// the data itself.
import type { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { mcpOperations } from '../mcp/operations.ts';
import { approvalOperations } from './approval-operations.ts';
import { evidenceOperations } from './evidence-operations.ts';
import { triggerOperations } from '../triggers/operations.ts';
import { cronOperations } from './cron-operations.ts';
import { gatewayOperations } from './gateway-operations.ts';
import { hubOperations } from './hub-operations.ts';
import { notRunning, type ControlContext, type Operation } from './operation.ts';
import { pairingOperations } from './pairing-operations.ts';
import { probeOperations } from './probe-operations.ts';
import { sendOperations } from './send-operations.ts';
import { sessionOperations } from './session-operations.ts';
import { skillOperations } from './skill-operations.ts';
import { toolOperations } from './tool-operations.ts';

export const operations = {
  ...gatewayOperations,
  ...sessionOperations,
  ...pairingOperations,
  ...sendOperations,
  ...probeOperations,
  ...approvalOperations,
  ...mcpOperations,
  ...toolOperations,
  ...cronOperations,
  ...triggerOperations,
  ...skillOperations,
  ...evidenceOperations,
  ...hubOperations,
};

export type OperationName = keyof typeof operations;
export type OperationInput<Name extends OperationName> = z.input<(typeof operations)[Name]['input']>;
export type OperationOutput<Name extends OperationName> = z.output<(typeof operations)[Name]['output']>;

/** The same table, for callers that know the name only as a type: what comes out is what that name says. */
export const outputsByName: { [Name in OperationName]: { output: z.ZodType<OperationOutput<Name>> } } = operations;

/** The operation of that name; undefined when there is none. */
export function findOperation(name: string): Operation<z.ZodType, z.ZodType> | undefined {
  const known: Record<string, Operation<z.ZodType, z.ZodType>> = operations;
  return Object.hasOwn(known, name) ? known[name] : undefined;
}

/** Checks the input and runs. Rejects with AppError: `bad_input`, `gateway_not_running`, and what the operation itself throws. */
export async function runOperation(
  operation: Operation<z.ZodType, z.ZodType>,
  context: ControlContext,
  input: unknown,
): Promise<unknown> {
  const parsed = operation.input.safeParse(input);
  if (!parsed.success) {
    const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'input'}: ${issue.message}`);
    throw new AppError('bad_input', `This cannot be understood: ${issues.slice(0, 5).join('; ')}.`);
  }
  if (operation.needsGateway && !context.actions) throw notRunning();
  return operation.run(context, parsed.data);
}
