// Runs workers: each is a turn of its own with its own journal, so that what it has finished is not done again after a crash.
import type { Scope } from '../../data/scope.ts';
import {
  beginTask,
  endTask,
  getTask,
  listTasks,
  markTaskTold,
  takeSteering,
  type Task,
} from '../../data/work/tasks.ts';
import { AppError, asAppError } from '../../shared/errors.ts';
import { inboxId } from '../../shared/ids.ts';
import type { Address, Role } from '../../shared/messages.ts';
import type { AgentParts } from '../parts.ts';
import type { AgentTurn, TurnInput, TurnResult } from '../port.ts';
import { readResult, readSpec, type TaskResult } from './spec.ts';

/** A worker that was running in this many crashes is not begun again. */
const MAX_ATTEMPTS = 3;
const MAX_RESULT_CHARS = 100_000;

export interface WorkerPorts {
  /** The turn's function (agent/turn.ts); never rejects. */
  runTurn(parts: AgentParts, turn: AgentTurn, signal: AbortSignal): Promise<TurnResult>;
  parts(): AgentParts;
}

/** Where the person is whom a worker works for. */
export interface TaskPlace {
  scope: Scope;
  role: Role;
  address: Address;
}

export interface TaskRunner {
  /** Runs a task to its end, or waits for the run that goes on; resolves with how it stands when `signal` aborts first. */
  finish(task: Task, place: TaskPlace, signal: AbortSignal): Promise<Task>;
  /** Runs it while nobody waits; the result becomes an event of the conversation. */
  start(task: Task, place: TaskPlace): void;
  /** Ends a task and those below it. False when it had ended. */
  stop(scope: Scope, id: string): Promise<boolean>;
  /** Resolves when no worker runs any more; those that did go on at the next start. */
  close(): Promise<void>;
}

interface Running {
  controller: AbortController;
  done: Promise<void>;
}

export function makeTaskRunner(ports: WorkerPorts): TaskRunner {
  const running = new Map<string, Running>();
  /** Waiting for a place, by depth: a worker that waits for its own workers must not keep them from theirs. */
  const queues = new Map<number, { free: number; waiting: (() => void)[] }>();
  let isClosed = false;

  function queueAt(depth: number) {
    const known = queues.get(depth) ?? { free: ports.parts().settings().workers.maxParallel, waiting: [] };
    queues.set(depth, known);
    return known;
  }

  async function inPlace(depth: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const queue = queueAt(depth);
    if (queue.free > 0) queue.free--;
    else await new Promise<void>((resolve) => queue.waiting.push(resolve));
    try {
      if (!signal.aborted) await work();
    } finally {
      const next = queue.waiting.shift();
      if (next) next();
      else queue.free++;
    }
  }

  function launch(task: Task, place: TaskPlace): Running {
    const known = running.get(task.id);
    if (known) return known;
    const controller = new AbortController();
    const { signal } = controller;
    const done = inPlace(task.depth, signal, () => work(ports.parts(), task, place, signal))
      .catch((error: unknown) =>
        ports.parts().log.error({ task: task.id, err: error }, 'a worker failed outside its turn'),
      )
      .finally(() => running.delete(task.id));
    const run = { controller, done };
    running.set(task.id, run);
    return run;
  }

  async function work(parts: AgentParts, task: Task, place: TaskPlace, signal: AbortSignal): Promise<void> {
    const { db } = parts;
    const { scope } = place;
    const begun = await beginTask(db, scope, task.id);
    if (!begun?.own) return;
    if (begun.attempts > MAX_ATTEMPTS) {
      await endTask(db, scope, task.id, failed('It ended the process several times and was set aside.'));
      return;
    }
    const result = await ports.runTurn(parts, workerTurn(parts, begun, place), signal);
    // Cut off: it goes on when whoever waits for it, or the next start, asks again.
    if (signal.aborted) return;
    const isTainted =
      readSpec(task.spec).tainted || result.transcript.some((entry) => 'origin' in entry && entry.origin === 'foreign');
    const outcome: TaskResult = {
      text: result.text.slice(0, MAX_RESULT_CHARS),
      origin: isTainted ? 'foreign' : 'agent',
    };
    const state = result.end === 'done' ? 'done' : 'failed';
    await endTask(db, scope, task.id, { state, result: JSON.stringify(outcome) });
  }

  async function tell(task: Task, { scope, address }: TaskPlace): Promise<void> {
    const { db, ports: outside } = ports.parts();
    const ended = await getTask(db, scope, task.id);
    if (!ended || ended.told || ended.result === undefined || ended.state === 'stopped') return;
    const { text, origin } = readResult(ended.result);
    const head = `[Worker "${ended.name}" (${ended.id}) has ${ended.state === 'done' ? 'finished' : 'failed'}]`;
    await outside.notify({
      scope,
      address,
      session: ended.session,
      key: `task.${ended.id}`,
      text: `${head}\n${text}`,
      origin: origin === 'foreign' ? 'foreign' : 'agent',
    });
    await markTaskTold(db, scope, task.id);
  }

  return {
    async finish(task, place, signal) {
      if (isLive(task)) {
        const run = launch(task, place);
        const cut = () => run.controller.abort(signal.reason);
        if (signal.aborted) cut();
        else signal.addEventListener('abort', cut, { once: true });
        await run.done;
        signal.removeEventListener('abort', cut);
      }
      return (await getTask(ports.parts().db, place.scope, task.id)) ?? task;
    },
    start(task, place) {
      if (isClosed) return;
      const done = isLive(task) ? launch(task, place).done : Promise.resolve();
      void done
        .then(() => (isClosed ? undefined : tell(task, place)))
        .catch((error: unknown) =>
          ports
            .parts()
            .log.warn({ task: task.id, err: asAppError(error) }, 'the result of a worker waits for the next start'),
        );
    },
    async stop(scope, id) {
      const { db } = ports.parts();
      const task = await getTask(db, scope, id);
      if (!task || !isLive(task)) return false;
      const tree = await listTasks(db, scope, { root: task.root, limit: 1_000 });
      for (const one of [task, ...below(task, tree)]) {
        await endTask(db, scope, one.id, {
          state: 'stopped',
          result: JSON.stringify({ text: 'Stopped.', origin: 'agent' }),
        });
        running.get(one.id)?.controller.abort(new AppError('cancelled', 'Stopped.'));
      }
      return true;
    },
    async close() {
      isClosed = true;
      const runs = [...running.values()];
      for (const run of runs) run.controller.abort(new AppError('cancelled', 'Herald is stopping.'));
      await Promise.all(runs.map((run) => run.done));
    },
  };
}

export function isLive(task: Task): boolean {
  return task.state === 'waiting' || task.state === 'running';
}

function below(task: Task, tree: readonly Task[]): readonly Task[] {
  const children = tree.filter((one) => one.parent === task.id && isLive(one));
  return children.flatMap((child) => [child, ...below(child, tree)]);
}

function failed(text: string): { state: 'failed'; result: string } {
  return { state: 'failed', result: JSON.stringify({ text, origin: 'agent' }) };
}

const WORKER_PROMPT =
  'You are a worker: another agent gave you the task below and reads only your last answer. Nobody answers questions; decide, ' +
  'and say what you assumed. Answer with the result alone: facts, paths, numbers. What other workers should know belongs on the board.';

function workerTurn(parts: AgentParts, task: Task, place: TaskPlace): AgentTurn {
  const spec = readSpec(task.spec);
  const place_ = task.own ?? { session: task.session, turn: task.turn };
  const text = [`Task: ${task.goal}`, spec.context === '' ? '' : `What you need to know:\n${spec.context}`];
  return {
    id: place_.turn,
    session: place_.session,
    scope: place.scope,
    person: place.scope.person,
    role: place.role,
    address: place.address,
    promptHint: '',
    chatPrompt: [WORKER_PROMPT, `Your name is ${task.name}.`, spec.prompt].filter((part) => part !== '').join(' '),
    inputs: [inputOf(`task:${task.id}`, text.filter((part) => part !== '').join('\n\n'), task.createdAt)],
    model: spec.model,
    personality: undefined,
    worker: {
      task: task.id,
      name: task.name,
      root: task.root,
      depth: task.depth,
      tools: spec.tools,
      tainted: spec.tainted,
      within: spec.within,
    },
    resumed: task.attempts > 1,
    async steer(stepKey) {
      const toInputs = (texts: readonly string[]) =>
        texts.map((said, i) => inputOf(`steer:${task.id}.${stepKey}.${i}`, said, parts.clock.now()));
      let inputs: readonly TurnInput[] = [];
      await takeSteering(parts.db, place.scope, task.id, {
        stepKey,
        payload(texts) {
          inputs = toInputs(texts);
          return JSON.stringify(inputs);
        },
      });
      return inputs;
    },
    emit: () => undefined,
  };
}

function inputOf(id: string, text: string, sentAt: number): TurnInput {
  return { inbox: inboxId(id), text, files: [], author: 'Herald', origin: 'agent', sentAt };
}
