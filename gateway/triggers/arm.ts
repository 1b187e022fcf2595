// Events that are to begin a job, made and taken away for whoever asks: commands, the command line, the control API.
import type { ProcessDb } from '../../data/db.ts';
import { addTrigger, listTriggers, removeTrigger } from '../../data/schedule/triggers.ts';
import type { Scope } from '../../data/scope.ts';
import type { Job } from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import { insideWorkspace } from './files.ts';
import {
  fileSpec,
  messageSpec,
  processSpec,
  readSpec,
  type FileSpec,
  type MessageSpec,
  type ProcessSpec,
} from './spec.ts';

/** Of one person in one space: each is looked at with each event. */
const MAX_TRIGGERS = 100;

export type WantedEvent =
  | { kind: 'message'; spec: MessageSpec }
  | { kind: 'process'; spec: ProcessSpec }
  | { kind: 'file'; spec: FileSpec };

export interface TriggerService {
  /**
   * From now on the event begins this job. Rejects with AppError: `bad_input`, `not_allowed` and `not_found` for what cannot
   * be waited for; nothing was changed then.
   */
  arm(scope: Scope, job: Pick<Job, 'id' | 'name' | 'state'>, event: WantedEvent): Promise<{ id: string }>;
  /** False when there is none such. */
  disarm(scope: Scope, id: string): Promise<boolean>;
}

export interface TriggerServicePorts {
  db: ProcessDb;
  workspaceOf(scope: Scope): string;
  /** What is to be watched has changed. */
  changed(): Promise<void>;
}

export function makeTriggerService({ db, workspaceOf, changed }: TriggerServicePorts): TriggerService {
  return {
    async arm(scope, job, event) {
      if (job.state === 'done' || job.state === 'removed')
        throw new AppError('bad_input', `The job "${job.name}" has ended, so nothing can begin it. Make another one.`);
      if ((await listTriggers(db, scope)).length >= MAX_TRIGGERS)
        throw new AppError('not_allowed', `${MAX_TRIGGERS} events begin jobs already, which is the most. Remove one.`);
      const spec = await checkEvent(event, () => workspaceOf(scope));
      const { id } = await addTrigger(db, scope, { job: job.id, kind: event.kind, spec: JSON.stringify(spec) });
      await changed();
      return { id };
    },
    async disarm(scope, id) {
      const isRemoved = await removeTrigger(db, scope, id);
      if (isRemoved) await changed();
      return isRemoved;
    },
  };
}

async function checkEvent(event: WantedEvent, workspace: () => string): Promise<WantedEvent['spec']> {
  switch (event.kind) {
    case 'process':
      return processSpec.parse(event.spec);
    case 'file':
      await insideWorkspace(workspace(), event.spec.path);
      return fileSpec.parse(event.spec);
    case 'message': {
      const { from, platform, words } = event.spec;
      // Each word to Herald would begin it.
      if (from === undefined && platform === undefined && words.length === 0)
        throw new AppError('bad_input', 'Which message? Name its sender, words in it, or its platform.');
      return messageSpec.parse(event.spec);
    }
  }
}

/** Such as "a message from shop.test with invoice, due". */
export function eventText(event: WantedEvent): string {
  switch (event.kind) {
    case 'file':
      return `${event.spec.path} in the workspace changes`;
    case 'process':
      return event.spec.title === undefined ? 'a background process ends' : `the process ${event.spec.title} ends`;
    case 'message': {
      const { from, platform, words } = event.spec;
      return [
        'a message',
        ...(from === undefined ? [] : [`from ${from}`]),
        ...(words.length === 0 ? [] : [`with ${words.join(', ')}`]),
        ...(platform === undefined ? [] : [`on ${platform}`]),
        'comes',
      ].join(' ');
    }
  }
}

/** What is stored, in words; '' for what is no such event. */
export function storedEventText({ kind, spec: json }: { kind: string; spec: string }): string {
  const event = storedEvent(kind, json);
  if (event) return eventText(event);
  return kind === 'hook' ? '' : 'broken: it cannot be read as it is stored, and begins nothing';
}

function storedEvent(kind: string, json: string): WantedEvent | undefined {
  if (kind === 'message') {
    const spec = readSpec(messageSpec, json);
    return spec && { kind, spec };
  }
  if (kind === 'process') {
    const spec = readSpec(processSpec, json);
    return spec && { kind, spec };
  }
  const spec = kind === 'file' ? readSpec(fileSpec, json) : undefined;
  return spec && { kind: 'file', spec };
}
