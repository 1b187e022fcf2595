// Evidence of skills put together with who is told, which jobs use skills, and what runs once a day.
import { openEvidence } from '../../agent/evidence/evidence.ts';
import type { EvidenceInput, OpenedEvidence } from '../../agent/evidence/opened.ts';
import type { ProcessDb } from '../../data/db.ts';
import { listDmChats } from '../../data/process/chats.ts';
import { listUsedSpaces } from '../../data/process/evidence.ts';
import { listJobs } from '../../data/schedule/jobs.ts';
import type { Scope } from '../../data/scope.ts';
import { readableJob } from '../../scheduler/stored.ts';
import type { GatewayActions } from '../actions.ts';
import { sha256Hex } from '../../shared/digest.ts';

/** A space that nobody has used for longer is left as it is. */
const USED_MS = 90 * 24 * 3_600_000;

export interface EvidenceParts extends Omit<EvidenceInput, 'db' | 'tell' | 'isScheduled'> {
  db: ProcessDb;
  actions(): Pick<GatewayActions, 'post'>;
}

export interface ConfiguredEvidence extends Omit<OpenedEvidence, 'upkeep'> {
  /** All spaces; one that fails is logged and left for the next day. */
  upkeep(): Promise<void>;
}

export function openConfiguredEvidence({ actions, ...parts }: EvidenceParts): ConfiguredEvidence {
  const { db, clock, log } = parts;
  const evidence = openEvidence({
    ...parts,
    async tell(scope, { text, key }) {
      // Where the person was last; skills of a group are news for whoever used them, not for the whole group.
      const [chat] = await listDmChats(db, scope.person);
      if (!chat) return;
      const digest = sha256Hex(key, 40);
      await actions().post(chat.address, text, { key: `ev${digest}`, person: scope.person, kind: 'notice' });
    },
    isScheduled: (scope, skill) => isScheduled(db, scope, skill),
  });
  return {
    ...evidence,
    async upkeep() {
      for (const scope of await listUsedSpaces(db, clock.now() - USED_MS))
        await evidence
          .upkeep(scope)
          .catch((error: unknown) => log.warn({ err: error }, 'skills of a space could not be looked after'));
    },
  };
}

async function isScheduled(db: ProcessDb, scope: Scope, skill: string): Promise<boolean> {
  const works = (await listJobs(db, scope)).map((row) => readableJob(row)?.work);
  return works.some((work) => work?.kind === 'prompt' && (work.skills ?? []).includes(skill));
}
