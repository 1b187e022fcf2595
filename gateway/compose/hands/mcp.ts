// What MCP servers may ask of the running gateway, and what its owner may do with them: their state, logins, tools that changed.
import { randomUUID } from 'node:crypto';
import type { Mcp } from '../../../agent/mcp/mcp.ts';
import { describeServers } from '../../../agent/mcp/report.ts';
import type { McpPorts } from '../../../agent/mcp/ports.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { listDmChats } from '../../../data/process/chats.ts';
import { findOwner } from '../../../data/process/people.ts';
import type { Clock } from '../../../shared/clock.ts';
import { withDeadline } from '../../../shared/deadline.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { McpControl } from '../../control/operation.ts';
import type { Core } from '../../core.ts';
import type { FileStore } from '../../media/downloads.ts';
import { answerOf, questionOf } from './elicitation.ts';

/** A person may have to find a password, and a second device. */
const LOGIN_MS = 15 * 60_000;
/** Reading anew what a server offers. */
const REFRESH_MS = 120_000;
/** How long a question of a server may stay open; the server's own setting ends it sooner. */
const QUESTION_MS = 30 * 60_000;

export interface McpDeskInput {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  files: Pick<FileStore, 'keep'>;
  core(): Pick<Core, 'actions' | 'platforms' | 'questions'>;
  /** The servers of the configuration; loads them. */
  mcp(): Promise<Mcp>;
}

export interface McpDesk {
  /** All but `ask`, which is the agent's. */
  ports: Omit<McpPorts, 'ask'>;
  control: McpControl;
  /** Gives up logins that wait. */
  close(): void;
}

interface Login {
  /** Undefined: it needed none. Rejects when no address came. */
  address: Promise<string | undefined>;
  show(address: string): void;
  done: Promise<void>;
  isOver: boolean;
}

export function openMcpDesk(input: McpDeskInput): McpDesk {
  const { clock, log } = input;
  const life = new AbortController();
  const logins = new Map<string, Login>();
  return {
    ports: {
      async askPerson(question, signal) {
        const asked = questionOf(question, { key: `mcp.${randomUUID()}`, ttlMs: QUESTION_MS });
        return answerOf(question, await input.core().questions.ask(asked, signal));
      },
      async showLogin(server, address) {
        logins.get(server)?.show(address);
        // In brackets, or signs of the address would be taken for markup.
        await tellOwner(input, `Log in for the MCP server ${server}: <${address}>`).catch((error: unknown) =>
          log.warn({ err: error }, 'the address of a login could not be sent to the owner'),
        );
      },
      storeFile: ({ name, mime, bytes }) => input.files.keep(name, mime, streamOf(bytes)),
    },
    control: {
      async list() {
        const servers = (await input.mcp()).status();
        return servers.map((server) => ({
          ...server,
          heldBack: server.heldBack.map(({ tool }) => tool),
          lines: describeServers([server]),
        }));
      },
      async beginLogin(server) {
        const mcp = await input.mcp();
        const known = logins.get(server);
        const login = known && !known.isOver ? known : begin(mcp, server);
        return { address: await login.address };
      },
      async awaitLogin(server, waitMs) {
        const login = logins.get(server);
        if (!login) throw new AppError('not_found', `No login at the MCP server ${server} is under way. Begin one.`);
        const late = Promise.withResolvers<false>();
        const cancel = clock.after(waitMs, () => late.resolve(false));
        return Promise.race([login.done.then(() => true), late.promise]).finally(cancel);
      },
      completeLogin: async (server, address) => (await input.mcp()).completeLogin(server, address),
      logout: async (server) => (await input.mcp()).logout(server),
      allow: async (server, tools) => (await input.mcp()).allow(server, tools),
      async refresh(server) {
        const mcp = await input.mcp();
        await withDeadline({ clock, timeoutMs: REFRESH_MS, parent: life.signal }, (signal) =>
          mcp.refresh(server, signal),
        );
      },
    },
    close: () => life.abort(new AppError('cancelled', 'Herald is stopping.')),
  };

  function begin(mcp: Mcp, server: string): Login {
    const shown = Promise.withResolvers<string>();
    const login: Login = {
      show: shown.resolve,
      done: Promise.resolve(),
      address: shown.promise,
      isOver: false,
    };
    logins.set(server, login);
    login.done = withDeadline({ clock, timeoutMs: LOGIN_MS, parent: life.signal }, (signal) =>
      mcp.login(server, signal),
    ).finally(() => (login.isOver = true));
    login.address = Promise.race([shown.promise, login.done.then(() => undefined)]);
    // Whoever asks hears of it; nobody may ask.
    login.done.catch(() => undefined);
    login.address.catch(() => undefined);
    return login;
  }
}

/** In the chat where the owner was last. Nothing when they have none yet. */
async function tellOwner({ db, core }: McpDeskInput, text: string): Promise<void> {
  const owner = await findOwner(db);
  const chats = owner ? await listDmChats(db, owner.id) : [];
  const chat = chats.find(({ address }) => core().platforms.find(address));
  if (owner && chat) await core().actions.post(chat.address, text, { kind: 'notice', person: owner.id });
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
}
