// Setting platforms up from a client of ours, such as the page: for owners and admins, one flow at a time each.
import { randomUUID } from 'node:crypto';
import { runLogin } from '../../adapters/login-flow.ts';
import type { AdapterManifest } from '../../adapters/contract.ts';
import type { LoginResult, SetupPlatform, SetupPort, SetupView } from '../../adapters/login.ts';
import type { Clock } from '../../shared/clock.ts';
import { AppError } from '../../shared/errors.ts';
import type { GatewayActions } from '../actions.ts';
import { openFlow, type Flow } from './flow.ts';

/** A flow that nobody goes on with ends by itself: secrets that were typed must not lie around. */
const IDLE_MS = 15 * 60_000;
const MAX_FLOWS = 8;
/** How long a request waits for the platform that is being asked. */
const VIEW_MS = 60_000;

export interface SetupPorts {
  clock: Clock;
  fetch: typeof fetch;
  manifests: readonly AdapterManifest[];
  /** What the configuration has of a platform already, without secrets of .env. */
  current(manifest: AdapterManifest): Promise<Readonly<Record<string, unknown>>>;
  /** Rejects with AppError. */
  save(manifest: AdapterManifest, result: LoginResult): Promise<void>;
  actions(): Pick<GatewayActions, 'status' | 'restart'>;
}

interface Open {
  flow: Flow;
  cancelIdle: () => void;
}

export function openSetup(ports: SetupPorts): SetupPort {
  const open = new Map<string, Open>();

  function close(session: string): void {
    const known = open.get(session);
    open.delete(session);
    known?.cancelIdle();
    known?.flow.cancel();
  }

  async function viewOf(session: string, { flow }: Open): Promise<SetupView> {
    const enough = new AbortController();
    const late = ports.clock.sleep(VIEW_MS, enough.signal).then(
      () => undefined,
      () => undefined,
    );
    const view = await Promise.race([flow.view(), late]);
    enough.abort();
    if (view === undefined) {
      close(session);
      throw new AppError('timeout', 'The platform did not answer in time. Nothing was saved; begin again.');
    }
    if (flow.ended) close(session);
    return view;
  }

  function find(session: string): Open {
    const known = open.get(session);
    if (!known) throw new AppError('not_found', 'This setup has ended. Begin again; nothing was saved by it.');
    known.cancelIdle();
    known.cancelIdle = ports.clock.after(IDLE_MS, () => close(session));
    return known;
  }

  return {
    async platforms() {
      const { adapters } = await ports.actions().status();
      return ports.manifests
        .filter((manifest) => !manifest.builtin)
        .map(({ id, title }): SetupPlatform => {
          const running = adapters.find((one) => one.platform === id);
          if (!running) return { id, title, state: 'off' };
          return { id, title, state: running.state, detail: running.detail, login: running.login };
        });
    },
    async begin(platform) {
      const manifest = ports.manifests.find((one) => one.id === platform && !one.builtin);
      if (!manifest) throw new AppError('not_found', 'There is no such platform to set up.');
      for (const session of [...open.keys()].slice(0, Math.max(0, open.size + 1 - MAX_FLOWS))) close(session);
      const session = randomUUID();
      const flow = openFlow(session, {
        fetch: ports.fetch,
        current: await ports.current(manifest),
        run: (io) => runLogin(manifest, io),
        save: (result) => ports.save(manifest, result),
      });
      const opened: Open = { flow, cancelIdle: ports.clock.after(IDLE_MS, () => close(session)) };
      open.set(session, opened);
      return viewOf(session, opened);
    },
    async answer(session, text) {
      const opened = find(session);
      opened.flow.answer(text);
      return viewOf(session, opened);
    },
    cancel: close,
    restart: () => ports.actions().restart('platforms were set up'),
  };
}
