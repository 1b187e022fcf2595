// Taking back what a turn changed: the files of the turn itself and of the workers that it had.
import type { Scope } from '../../data/scope.ts';
import { listTasks } from '../../data/work/tasks.ts';
import { AppError } from '../../shared/errors.ts';
import { turnId, type TurnId } from '../../shared/ids.ts';
import type { AgentInput } from '../parts.ts';
import type { AgentPort, FileCheckpoint, RestoredFiles } from '../port.ts';

const MAX_WORKERS = 1_000;

export function makeUndo(
  input: Pick<AgentInput, 'db' | 'checkpoints'>,
): Pick<AgentPort, 'restoreFiles' | 'listCheckpoints'> {
  return {
    async restoreFiles(scope, turn) {
      const checkpoints = await input.checkpoints?.();
      if (!checkpoints) return undefined;
      let found: RestoredFiles | undefined;
      // Workers began after their turn: what they changed goes first.
      for (const id of [...(await workerTurns(input, scope, turn)), turn]) {
        const undone = await checkpoints.undo(scope.space, id).catch(nothingKept);
        if (!undone) continue;
        found = {
          restored: [...(found?.restored ?? []), ...undone.restored],
          conflicts: [...(found?.conflicts ?? []), ...undone.conflicts.map(({ path, reason }) => `${path}: ${reason}`)],
        };
      }
      return found;
    },
    async listCheckpoints(scope) {
      const all = (await (await input.checkpoints?.())?.list(scope.space)) ?? [];
      return all
        .filter((one) => !one.isUndo && !one.isUndone)
        .map(({ id, at, paths }): FileCheckpoint => ({ turn: turnId(id), at, paths }));
    },
  };
}

async function workerTurns({ db }: Pick<AgentInput, 'db'>, scope: Scope, root: TurnId): Promise<readonly TurnId[]> {
  const tasks = await listTasks(db, scope, { root, limit: MAX_WORKERS });
  return tasks.flatMap((task) => (task.own ? [task.own.turn] : []));
}

function nothingKept(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'not_found') return undefined;
  throw error;
}
