// From a path that the model gives to a file that may be used: judged before the call for the policy, and again on the open machine.
import type { Clock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import type { SpaceId, TurnId } from '../../../shared/ids.ts';
import type { Origin } from '../../../shared/messages.ts';
import type { Machine } from '../../terminal/machine.ts';
import type { Assessment, Grant, ToolContext, Touch } from '../tool.ts';
import type { FileHost } from './host/host.ts';
import { makeLocalHost, resolveNow } from './host/local.ts';
import { makeRemoteHost } from './host/remote.ts';
import { isStricter, judgePath, namedPath, type FilePath, type FilePlace } from './paths.ts';

/** Where old content is kept before it is changed; agent/checkpoints makes one. */
export interface ChangeKeeper {
  /**
   * Keeps what is at `path` for undoing `turn`, unless the turn has kept it before. `nextHash`: SHA-256 of what is about to be written;
   * null: it is about to be removed. Rejects with AppError; then nothing may be changed.
   */
  keep(turn: TurnId, space: SpaceId, path: string, nextHash: string | null): Promise<void>;
}

/** Whose call it is, and how long. */
export type FileCall = Pick<ToolContext, 'scope' | 'workspace' | 'signal'>;

/** Another machine that the files of a workspace are on. */
export interface RemoteFiles {
  /** The workspace there, where it is known before the machine is open. Absolute. */
  workspace: string | undefined;
  /** True for a container of the agent's own: nothing outside the workspace matters there. */
  isIsolated: boolean;
  /** Runs `work` on the machine, which stays awake meanwhile. Rejects with AppError, and with what `work` rejects with. */
  use<Value>(call: FileCall, work: (machine: Machine) => Promise<Value>): Promise<Value>;
}

export interface FileToolsDeps {
  /** $HERALD_HOME: secret, but for the workspace. */
  home: string;
  /** Home folder of the user that Herald runs as; `~` and where logins are looked for. */
  userHome: string | undefined;
  clock: Clock;
  checkpoints: ChangeKeeper;
  /** Undefined: the files of this workspace are on this machine. */
  remote?(at: { workspace: string }): RemoteFiles | undefined;
  /** Results that were too long to show; read as `result:<id>`. Only those of the context's scope. Undefined: there is none. */
  openResult?(id: string, context: ToolContext): Promise<{ text: string; origin: Origin } | undefined>;
  /** Program to search with. Default `rg`. */
  ripgrep?: string;
}

export interface OpenFiles {
  host: FileHost;
  place: FilePlace;
  /**
   * The file that `given` names now. `before`: how it was judged for the policy; absent: only an ordinary file of the workspace will do.
   * Rejects with AppError `not_allowed` when it is not to be used, or not without asking again.
   */
  find(given: string, before: FilePath | undefined): Promise<FilePath>;
}

export interface FileAccess {
  /** How the call is judged before it runs; remembered for `args`. Never throws. */
  assess(
    args: object,
    paths: readonly string[],
    how: { at: { workspace: string }; verb: 'read' | 'write' },
  ): Assessment;
  /** What `assess` found for `args`, path by path. */
  judged(args: object, given: string): FilePath | undefined;
  /** Runs `work` where the files are. Rejects with what it rejects with, and with AppError when the machine cannot be reached. */
  use<Value>(call: FileCall, work: (files: OpenFiles) => Promise<Value>): Promise<Value>;
}

export function makeFileAccess(deps: FileToolsDeps): FileAccess {
  const local = makeLocalHost({ clock: deps.clock, ...(deps.ripgrep === undefined ? {} : { ripgrep: deps.ripgrep }) });
  /** By the arguments of a call, which are the same object when it is judged and when it runs. */
  const before = new WeakMap<object, ReadonlyMap<string, FilePath>>();

  function judge(given: string, at: { workspace: string }): FilePath {
    const remote = deps.remote?.(at);
    const place = remote ? remotePlace(remote, remote.workspace ?? at.workspace) : localPlace(deps, at.workspace);
    const named = namedPath(given, place);
    return judgePath(named, remote ? { real: named, isDangling: false } : resolveNow(named), place);
  }

  return {
    assess(args, paths, { at, verb }) {
      try {
        const judged = new Map(paths.map((given) => [given, judge(given, at)]));
        // The first look is what counts: a later one may be after the decision.
        if (!before.has(args)) before.set(args, judged);
        const remote = deps.remote?.(at);
        return assessFiles([...judged.values()], verb, remote);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return { effect: 'pure', touches: [], forbidden: error.publicMessage };
      }
    },
    judged: (args, given) => before.get(args)?.get(given),
    use(call, work) {
      const remote = deps.remote?.({ workspace: call.workspace });
      if (!remote) return work(openFiles(local, localPlace(deps, call.workspace), call.signal));
      return remote.use(call, async (machine) => {
        const host = makeRemoteHost(machine);
        const { real } = await host.resolve(machine.workspace, call.signal);
        const place = { ...remotePlace(remote, machine.workspace), realWorkspace: real };
        return work(openFiles(host, place, call.signal));
      });
    },
  };
}

function openFiles(host: FileHost, place: FilePlace, signal: AbortSignal): OpenFiles {
  return {
    host,
    place,
    async find(given, earlier) {
      const named = namedPath(given, place);
      const file = judgePath(named, await host.resolve(named, signal), place);
      refuse(file, earlier);
      return file;
    },
  };
}

function remotePlace(remote: RemoteFiles, workspace: string): FilePlace {
  const { isIsolated } = remote;
  return { workspace, realWorkspace: workspace, userHome: undefined, privateFolders: [], isIsolated };
}

function localPlace(deps: FileToolsDeps, workspace: string): FilePlace {
  return {
    workspace,
    realWorkspace: resolveNow(workspace).real,
    userHome: deps.userHome,
    privateFolders: [deps.home, resolveNow(deps.home).real],
    isIsolated: false,
  };
}

function refuse(file: FilePath, before: FilePath | undefined): void {
  if (file.secret !== undefined)
    throw new AppError('not_allowed', `${file.shown} is not for tools: ${file.secret}. Nothing was done.`);
  if (file.blocked !== undefined)
    throw new AppError('not_allowed', `${file.shown} is not followed: ${file.blocked}. Nothing was done.`);
  const plain: FilePath = { ...file, area: 'workspace', steers: undefined };
  if (isStricter(file, before ?? plain))
    throw new AppError(
      'not_allowed',
      `The path leads to ${file.real}, which has to be asked for by that name. Nothing was done.`,
    );
}

function assessFiles(files: readonly FilePath[], verb: 'read' | 'write', remote: RemoteFiles | undefined): Assessment {
  const refused = files.find((file) => file.secret !== undefined || file.blocked !== undefined);
  const touches = new Set<Touch>();
  const outside = files.filter((file) => file.area === 'outside');
  if (outside.length > 0 && remote?.isIsolated !== true) touches.add('machine');
  if (verb === 'write' && (outside.length < files.length || remote?.isIsolated === true)) touches.add('workspace');
  const steering = verb === 'write' ? files.find((file) => file.steers !== undefined) : undefined;
  if (steering) touches.add('settings');
  return {
    // Checkpoints keep files of this machine only.
    effect: verb === 'read' ? 'pure' : remote ? 'once' : 'reversible',
    touches: [...touches],
    forbidden: refused && `${refused.shown} is not for tools: ${refused.secret ?? refused.blocked ?? ''}.`,
    risk: steering && `${steering.shown}: ${steering.steers ?? ''}`,
    grant: grantFor(files, verb),
  };
}

/** For files of one folder, and for single files that steer. */
function grantFor(files: readonly FilePath[], verb: 'read' | 'write'): Grant | undefined {
  const [file] = files;
  if (!file) return undefined;
  const words = verb === 'read' ? 'Read' : 'Change';
  if (verb === 'write' && files.some((one) => one.steers !== undefined))
    return files.length === 1
      ? { title: `${words} ${file.shown}`, key: `${verb} ${file.real}`, wide: true }
      : undefined;
  if (files.every((one) => one.area === 'workspace'))
    return { title: `${words} files of the workspace`, key: `${verb} workspace`, wide: true };
  const folder = folderOf(file.real);
  if (!files.every((one) => one.area === 'outside' && folderOf(one.real) === folder)) return undefined;
  return { title: `${words} files in ${folder}`, key: `${verb} ${folder}/`, wide: true };
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
