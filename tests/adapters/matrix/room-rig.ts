// An adapter in a room with Ada alone and in one with Ada and Eve, for cases that the contract does not have.
import { setTimeout as pause } from 'node:timers/promises';
import type { MatrixPorts } from '../../../adapters/matrix/adapter.ts';
import type { Adapter } from '../../../adapters/contract.ts';
import type { RecordingHost, RecordingHostOptions } from '../../contracts/adapter-host.ts';
import { makeOutbound } from '../../contracts/adapter-samples.ts';
import type { Person } from '../../support/matrix/people.ts';
import { startHomeserver, type Homeserver } from '../../support/matrix/server.ts';
import type { Room } from '../../support/matrix/world.ts';
import { addressOf, startAdapter } from './matrix-harness.ts';

interface Scene {
  server: Homeserver;
  ada: Person;
  eve: Person;
  dm: Room;
  group: Room;
}

export interface RoomRig extends Scene {
  adapter: Adapter;
  record: RecordingHost;
  send(room: Room, text: string): ReturnType<Adapter['send']>;
  /** `again`: instead of the options of the rig. */
  restart(whileDown?: () => void, options?: RecordingHostOptions, again?: Again): Promise<void>;
  /** Looks until it holds, for at most 5 s. */
  until(passes: () => boolean): Promise<void>;
  close(): Promise<void>;
}

interface Again {
  extra?: Record<string, unknown>;
  ports?: Partial<MatrixPorts>;
}

export interface RigOptions extends Again {
  kept?: RecordingHostOptions;
  /** Happens before the adapter's first start. */
  before?: (scene: Scene) => void;
}

export async function openRoomRig(options: RigOptions = {}): Promise<RoomRig> {
  const server = await startHomeserver();
  const ada = server.person('Ada');
  const eve = server.person('Eve');
  const dm = server.world.createRoom(ada.id);
  server.world.setMember(dm, server.botId, 'join');
  const scene = { server, ada, eve, dm, group: server.room('Team', [ada, eve]) };
  options.before?.(scene);
  const { kept } = options;
  const start = (given?: RecordingHostOptions, { extra, ports }: Again = options) =>
    startAdapter(server, { ...(given && { kept: given }), ...(extra && { extra }), ...(ports && { ports }) });
  const rig: RoomRig = {
    ...scene,
    ...(await start(kept)),
    send: (room, text) => rig.adapter.send(addressOf(room, 'dm'), makeOutbound(text), AbortSignal.timeout(10_000)),
    async restart(whileDown, more, again) {
      await rig.adapter.stop();
      whileDown?.();
      const { cursors, received } = rig.record;
      await rig.record.close();
      Object.assign(rig, await start({ ...kept, cursors, received, ...more }, again));
    },
    async until(passes) {
      for (let round = 0; round < 500; round++) {
        if (passes()) return;
        await pause(10);
      }
      throw new Error('Did not happen.');
    },
    async close() {
      await rig.adapter.stop();
      await rig.record.close();
      await server.close();
    },
  };
  return rig;
}
