// What MCP servers may ask of Herald while a tool call of theirs runs, and who answers. All of it is on behalf of the one who called.
import type { Scope } from '../../data/scope.ts';
import type { SessionId, TurnId } from '../../shared/ids.ts';
import type { Address, Role, StoredFile } from '../../shared/messages.ts';
import type { ModelMessage, ModelReply, ToolSchema } from '../providers/types.ts';

/** For whom a call runs. */
export interface McpCaller {
  scope: Scope;
  session: SessionId;
  turn: TurnId;
  role: Role;
  address: Address;
  /** Absolute path. */
  workspace: string;
}

/** A text that a server wants from the model. Its words are foreign: the model gets no tools but the server's own, which nobody runs here. */
export interface SamplingRequest {
  server: string;
  caller: McpCaller;
  /** One that the configuration allows. Undefined: that of the session. */
  model: string | undefined;
  system: string;
  messages: readonly ModelMessage[];
  tools: readonly ToolSchema[];
  maxOutputTokens: number;
}

export type SamplingReply = Pick<ModelReply, 'text' | 'toolCalls' | 'stop' | 'model'>;

export type AnswerValue = string | number | boolean | string[];

export interface ElicitationField {
  name: string;
  title: string;
  description: string;
  required: boolean;
  type: 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'choices';
  /** Of `choice` and `choices`: what is sent and what is shown. */
  options?: readonly { value: string; title: string }[] | undefined;
  /** Of `text`: email, uri, date or date-time. */
  format?: string | undefined;
  default?: AnswerValue | undefined;
}

/** Texts have no hidden characters and are cut. Whoever shows it says which server asks, and that it is not Herald. */
export type ElicitationQuestion = { server: string; caller: McpCaller; message: string } & (
  | { mode: 'form'; fields: readonly ElicitationField[] }
  /** To be opened by the person, in their browser, if they want to: never by us. `host` is where it really leads. */
  | { mode: 'url'; url: string; host: string }
);

export type ElicitationAnswer =
  | { action: 'accept'; content?: Readonly<Record<string, AnswerValue>> | undefined }
  | { action: 'decline' | 'cancel' };

/** Each that is missing is not offered to servers. */
export interface McpPorts {
  /** One metered call of the model, paid by the caller. Rejects with AppError. */
  ask?: ((request: SamplingRequest, signal: AbortSignal) => Promise<SamplingReply>) | undefined;
  /** Asks the caller, in the chat of their turn. Resolves with `cancel` when nobody answers; rejects with AppError. */
  askPerson?: ((question: ElicitationQuestion, signal: AbortSignal) => Promise<ElicitationAnswer>) | undefined;
  /** Shows the owner the address where they log in to `server`. */
  showLogin?: ((server: string, url: string) => Promise<void>) | undefined;
  /** Keeps an image or sound that a tool gave, to be shown with the answer. */
  storeFile?: ((file: { name: string; mime: string; bytes: Uint8Array }) => Promise<StoredFile>) | undefined;
}
