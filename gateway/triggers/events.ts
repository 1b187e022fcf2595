// Events that begin jobs: a message that fits, a background process that ends, a file that changes. Each event begins a job once.
import type { ProcessDb } from '../../data/db.ts';
import type { InboxRow } from '../../data/process/inbox.ts';
import { getPerson } from '../../data/process/people.ts';
import { listArmedTriggers, markTrigger, noteFired, type ArmedTrigger } from '../../data/process/schedule/triggers.ts';
import { hasRole } from '../../pairing/policy.ts';
import type { Scope } from '../../data/scope.ts';
import type { JobService, TriggerInput } from '../../scheduler/types.ts';
import { sha256Hex } from '../../shared/digest.ts';
import type { Clock } from '../../shared/clock.ts';
import { asAppError } from '../../shared/errors.ts';
import type { PersonId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/log.ts';
import { FORWARD_MARK } from '../../shared/messages.ts';
import { cleanText } from '../../shared/text.ts';
import { fingerprint, insideWorkspace, watchPath } from './files.ts';
import { makeRateLimit } from './rate-limit.ts';
import { fileSpec, messageSpec, processSpec, readSpec, type MessageSpec } from './spec.ts';

const MAX_TEXT_CHARS = 20_000;
/** Files settle a moment after whoever wrote them. */
const OWN_DOING_MS = 5_000;
/** Anybody may write a mail, and each run may cost money. */
const STRANGERS_PER_MINUTE = 10;

export interface EventDeps {
  db: ProcessDb;
  clock: Clock;
  log: Logger;
  jobs: Pick<JobService, 'trigger' | 'runs'>;
  workspaceOf(scope: Scope): string;
}

export interface ProcessEvent {
  /** Unique for this end of this process. */
  id: string;
  title: string;
  text: string;
  isForeign: boolean;
}

export interface EventTriggers {
  /** A message has come in; `person`: who sent it, undefined for somebody who is not paired. Never rejects. */
  noticed(row: InboxRow, person: PersonId | undefined): Promise<void>;
  /** Never rejects. */
  processEnded(scope: Scope, event: ProcessEvent): Promise<void>;
  /** Watches what is to be watched: at the start, and after triggers have changed. What changed meanwhile begins its jobs. */
  watchFiles(): Promise<void>;
  close(): void;
}

export function openEventTriggers(deps: EventDeps): EventTriggers {
  const { db, clock, log } = deps;
  const watched = new Map<string, () => void>();
  const strangers = makeRateLimit(clock);
  let isClosed = false;

  /** False when it could not be stored, so that it must be seen again. */
  async function begin(trigger: ArmedTrigger, input: TriggerInput): Promise<boolean> {
    try {
      const key = `${trigger.id}.${sha256Hex(input.key, 40)}`;
      const text = cleanText(input.text).slice(0, MAX_TEXT_CHARS);
      if (await deps.jobs.trigger(trigger.scope, trigger.job, { ...input, key, text })) await noteFired(db, trigger.id);
      return true;
    } catch (error) {
      const { code } = asAppError(error);
      log.warn({ err: error, trigger: trigger.id }, 'an event could not begin its job');
      return code === 'not_found' || code === 'not_allowed' || code === 'bad_input';
    }
  }

  /** A job that writes what it waits for would begin itself for ever: what changes during its run, or just after, is its own doing. */
  async function isOwnDoing({ scope, job }: ArmedTrigger): Promise<boolean> {
    const [last] = await deps.jobs.runs(scope, { job, limit: 1 });
    if (last?.startedAt === undefined) return false;
    return last.endedAt === undefined || clock.now() - last.endedAt < OWN_DOING_MS;
  }

  async function look(trigger: ArmedTrigger, name: string, file: string): Promise<void> {
    const now = await fingerprint(file);
    const [current] = await listArmedTriggers(db, { kind: 'file', id: trigger.id });
    if (!current) return forget(trigger.id);
    if (isClosed || current.mark === now) return;
    if (current.mark === undefined || (await isOwnDoing(current))) return markTrigger(db, trigger.id, now);
    const what = now === 'missing' ? 'is gone' : 'has changed';
    // Before the mark: an event that is cut off here is seen again, and begins the same run.
    // From what to what: a file that goes, comes again and goes again is gone twice.
    const isStored = await begin(current, {
      key: `${current.mark}>${now}`,
      text: `[${name} in the workspace ${what}]`,
      origin: 'agent',
    });
    if (isStored) await markTrigger(db, trigger.id, now);
  }

  /** Its job was removed, or it itself. */
  function forget(id: string): void {
    watched.get(id)?.();
    watched.delete(id);
  }

  async function watchOne(trigger: ArmedTrigger): Promise<void> {
    const name = readSpec(fileSpec, trigger.spec)?.path;
    if (name === undefined) return;
    const lookSafely = (file: string) =>
      look(trigger, name, file).catch((error: unknown) =>
        log.warn({ err: error, trigger: trigger.id }, 'a watched file could not be looked at'),
      );
    try {
      const file = await insideWorkspace(deps.workspaceOf(trigger.scope), name);
      if (isClosed || watched.has(trigger.id)) return;
      watched.set(
        trigger.id,
        watchPath(file, clock, () => void lookSafely(file)),
      );
      await lookSafely(file);
    } catch (error) {
      log.warn({ err: error, trigger: trigger.id }, 'a file cannot be watched; it is tried again at the next start');
    }
  }

  return {
    async noticed(row, person) {
      try {
        if (row.kind !== 'message' || row.payload.event || row.payload.bot) return;
        const triggers = await listArmedTriggers(db, { kind: 'message' });
        for (const trigger of triggers) {
          const spec = readSpec(messageSpec, trigger.spec);
          if (!spec || !fits(spec, row) || !(await mayKnow(db, trigger, row, person))) continue;
          const own = person !== undefined && person === trigger.scope.person && isOwnWords(row);
          if (person === undefined && strangers.take(trigger.id, STRANGERS_PER_MINUTE) > 0) {
            log.warn({ trigger: trigger.id, inbox: row.id }, 'too many messages of strangers; this one begins no job');
            continue;
          }
          const text = `[Message from ${row.payload.senderName}]\n${row.payload.text}`;
          await begin(trigger, { key: `m${row.id}`, text, origin: own ? 'member' : 'foreign' });
        }
      } catch (error) {
        log.warn({ err: error, inbox: row.id }, 'a message could not be looked at for the jobs that wait for one');
      }
    },
    async processEnded(scope, { id, title, text, isForeign }) {
      const triggers = await listArmedTriggers(db, { kind: 'process' }).catch(() => []);
      for (const trigger of triggers) {
        const spec = readSpec(processSpec, trigger.spec);
        if (!spec || trigger.scope.space !== scope.space || trigger.scope.person !== scope.person) continue;
        if (spec.title !== undefined && !holds(title, spec.title)) continue;
        await begin(trigger, {
          key: `p${id}`,
          text: `[${title} has ended]\n${text}`,
          origin: isForeign ? 'foreign' : 'agent',
        });
      }
    },
    async watchFiles() {
      const triggers = await listArmedTriggers(db, { kind: 'file' });
      for (const id of watched.keys()) if (!triggers.some((trigger) => trigger.id === id)) forget(id);
      await Promise.all(triggers.filter(({ id }) => !watched.has(id)).map(watchOne));
    },
    close() {
      isClosed = true;
      for (const end of watched.values()) end();
      watched.clear();
    },
  };
}

/** What others write to Herald is its owner's business; what a person writes is their own. */
async function mayKnow(
  db: ProcessDb,
  { scope }: ArmedTrigger,
  row: InboxRow,
  person: PersonId | undefined,
): Promise<boolean> {
  if (person === scope.person) return true;
  if (person !== undefined || row.address.kind === 'group') return false;
  const asker = await getPerson(db, scope.person);
  return asker !== undefined && hasRole(asker.role, 'admin');
}

/** What a person hands on, or plays, is not what they say. */
function isOwnWords({ payload }: InboxRow): boolean {
  return payload.foreign !== true && !payload.text.startsWith(FORWARD_MARK) && payload.voice?.by !== 'audio';
}

function fits({ platform, from, words }: MessageSpec, { address, user, payload }: InboxRow): boolean {
  if (platform !== undefined && address.platform !== platform) return false;
  const sender = [payload.senderName, payload.senderUsername ?? '', user].join(' ');
  if (from !== undefined && !holds(sender, from)) return false;
  return words.every((word) => holds(payload.text, word));
}

function holds(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}
