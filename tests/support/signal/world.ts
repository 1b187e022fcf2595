// What the server and its account know: who is there, what was sent, what waits.
import { randomUUID } from 'node:crypto';
import type { Group, Mode, Person, SentFile, SentMessage } from './types.ts';

export interface World {
  mode: Mode;
  number: string;
  uuid: string;
  accounts: string[];
  people: Person[];
  groups: Group[];
  sent: SentMessage[];
  typing: Set<string>;
  attachments: Map<string, SentFile>;
  trust: string | undefined;
  /** Envelopes that Signal keeps for the next poll. */
  queue: unknown[];
  lost: number;
  /** Frames that no real server sends: they are not recorded. */
  injected: Set<unknown>;
  /** Gives an envelope to whoever listens. */
  deliver(frame: unknown): void;
  /** Never the same twice, as signal-cli's. */
  nextTimestamp(): number;
  changed(): void;
}

export function makeWorld(input: {
  mode: Mode;
  number: string;
  isLinked: boolean;
  deliver: (world: World, frame: unknown) => void;
  changed: () => void;
}): World {
  let last = 0;
  const world: World = {
    mode: input.mode,
    number: input.number,
    uuid: randomUUID(),
    accounts: input.isLinked ? [input.number] : [],
    people: [],
    groups: [],
    sent: [],
    typing: new Set(),
    attachments: new Map(),
    trust: undefined,
    queue: [],
    lost: 0,
    injected: new Set(),
    deliver: (frame) => input.deliver(world, frame),
    nextTimestamp: () => (last = Math.max(last + 1, Date.now())),
    changed: input.changed,
  };
  return world;
}
