// What the agent knows beyond a conversation: memory, the model of the person, skills, services outside. Each is one source behind this
// seam. What a source says for the system prompt stays the same throughout a session, so that cached prefixes hold; what changes stands
// with the state at the end of each request.
import type { Scope } from '../data/scope.ts';
import type { SessionId, TurnId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import type { Address, Role } from '../shared/messages.ts';
import type { ChatSkills } from './skills/port.ts';

export interface KnowledgeAt {
  scope: Scope;
  session: SessionId;
  role: Role;
  address: Pick<Address, 'platform' | 'kind'>;
  /** True for a worker: it knows its task, not its person. */
  isWorker: boolean;
}

export interface KnowledgeTask extends KnowledgeAt {
  /** Undefined outside of a turn, for looking at what a request would hold. */
  turn: TurnId | undefined;
  /** What the turn is about, in the person's words; '' outside of a turn. */
  text: string;
  /** Names and toolsets of the tools of the turn. */
  tools: readonly string[];
  /** What the chat itself settled about skills, by name. */
  chatSkills?: ChatSkills | undefined;
}

/** Part of the state at the end of a request. */
export interface KnownSection {
  title: string;
  lines: readonly string[];
  /** It may hold words of others: then it is shown as such, and the turn asks before it acts. */
  isForeign: boolean;
}

export interface KnownPrompt {
  /** '' says nothing. */
  text: string;
  isForeign: boolean;
}

/** What one turn knows. */
export interface TurnKnowledge {
  /** The person said more in the middle of the turn. */
  note(text: string): void;
  /** Asked before each request; what is costly is done once. */
  sections(): Promise<readonly KnownSection[]>;
}

export interface EndedTurn {
  scope: Scope;
  session: SessionId;
  turn: TurnId;
  role: Role;
  address: Address;
  state: 'done' | 'stopped' | 'failed';
}

export interface KnowledgeSource {
  /** For the log. */
  name: string;
  prompt?(at: KnowledgeAt): Promise<KnownPrompt>;
  open?(task: KnowledgeTask): TurnKnowledge;
  /** A person's turn has ended and is on disk. May take its time: nobody waits for it. */
  ended?(turn: EndedTurn): Promise<void>;
  /** Older history is about to become a summary; waited for, so it must be quick. */
  compressing?(at: { scope: Scope; session: SessionId }): Promise<void>;
  /** History was summarized, so the prefix is new anyway: the prompt may be read anew. */
  compressed?(at: { scope: Scope; session: SessionId }): Promise<void>;
  /** The person has turned to another conversation. Nobody waits for it. */
  left?(at: Omit<EndedTurn, 'turn' | 'state'>): Promise<void>;
  close?(): Promise<void>;
}

/** All sources together. What one cannot say is left out and logged: nothing here rejects. */
export interface Knowledge {
  prompt(at: KnowledgeAt): Promise<KnownPrompt>;
  open(task: KnowledgeTask): TurnKnowledge;
  ended(turn: EndedTurn): void;
  compressing(at: { scope: Scope; session: SessionId }): Promise<void>;
  compressed(at: { scope: Scope; session: SessionId }): Promise<void>;
  left(at: Omit<EndedTurn, 'turn' | 'state'>): void;
  /** Resolves when nothing runs any more. */
  close(): Promise<void>;
}

export function makeKnowledge(sources: readonly KnowledgeSource[], log: Logger): Knowledge {
  const running = new Set<Promise<void>>();

  async function orElse<Value>(source: KnowledgeSource, what: string, work: Promise<Value> | undefined, other: Value) {
    try {
      return (await work) ?? other;
    } catch (error) {
      log.warn({ err: error, source: source.name }, `${what} failed; the turn goes on without it`);
      return other;
    }
  }

  function inBackground(source: KnowledgeSource, what: string, work: Promise<void> | undefined): void {
    if (!work) return;
    const done = orElse(source, what, work, undefined).finally(() => running.delete(done));
    running.add(done);
  }

  return {
    async prompt(at) {
      const said = await Promise.all(
        sources.map((source) => orElse(source, 'what is known', source.prompt?.(at), { text: '', isForeign: false })),
      );
      const heard = said.filter(({ text }) => text !== '');
      return {
        text: heard.map(({ text }) => text).join('\n\n'),
        isForeign: heard.some(({ isForeign }) => isForeign),
      };
    },
    open(task) {
      const opened = sources.flatMap((source) => {
        const turn = source.open?.(task);
        return turn ? [{ source, turn }] : [];
      });
      return {
        note(text) {
          for (const { turn } of opened) turn.note(text);
        },
        async sections() {
          const said = await Promise.all(
            opened.map(({ source, turn }) => orElse(source, 'what is known', turn.sections(), [])),
          );
          return said.flat().filter(({ lines }) => lines.length > 0);
        },
      };
    },
    ended(turn) {
      for (const source of sources) inBackground(source, 'looking back at a turn', source.ended?.(turn));
    },
    async compressing(at) {
      await Promise.all(
        sources.map((source) => orElse(source, 'looking back before a summary', source.compressing?.(at), undefined)),
      );
    },
    async compressed(at) {
      await Promise.all(
        sources.map((source) => orElse(source, 'reading anew after a summary', source.compressed?.(at), undefined)),
      );
    },
    left(at) {
      for (const source of sources) inBackground(source, 'looking back at a conversation', source.left?.(at));
    },
    async close() {
      await Promise.all([
        ...running,
        ...sources.map((source) => orElse(source, 'closing', source.close?.(), undefined)),
      ]);
    },
  };
}
