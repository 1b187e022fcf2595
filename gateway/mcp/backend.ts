// What the tools of our MCP server stand on: operations of the control API, always for one and the same person.
import type { z } from 'zod';
import { sendOperations } from '../control/send-operations.ts';
import { sessionOperations } from '../control/session-operations.ts';
import { mcpOperations } from './operations.ts';

const used = {
  ...mcpOperations,
  'sessions.search': sessionOperations['sessions.search'],
  targets: sendOperations.targets,
  send: sendOperations.send,
};
type Used = typeof used;
export type BackendOperation = keyof Used;

/** Runs one operation of the control API: here, or over the local socket. Rejects with AppError. */
export type CallOperation = (name: BackendOperation, input: unknown) => Promise<unknown>;

type Input<Name extends BackendOperation> = Omit<z.input<Used[Name]['input']>, 'person'>;
type Output<Name extends BackendOperation> = z.output<Used[Name]['output']>;

export interface McpBackend {
  call<Name extends BackendOperation>(name: Name, input: Input<Name>): Promise<Output<Name>>;
}

const outputs: { [Name in BackendOperation]: { output: z.ZodType<Output<Name>> } } = used;

/** `person` is an id: callers have proven that they may speak for them. */
export function makeBackend(callOperation: CallOperation, person: string): McpBackend {
  return {
    async call(name, input) {
      const { output } = outputs[name];
      return output.parse(await callOperation(name, { ...input, person }));
    },
  };
}
