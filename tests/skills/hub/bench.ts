// A hub in a folder of its own over the loopback server, for the tests of this folder.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { AppError } from '../../../shared/errors.ts';
import { silentLog } from '../../../shared/log.ts';
import type { HubDeps } from '../../../skills/hub/context.ts';
import { makeHub, type Hub } from '../../../skills/hub/hub.ts';
import { startHubServer, type HubServer } from '../../support/skill-hub.ts';

export interface HubBench {
  readonly home: string;
  readonly server: HubServer;
  readonly hub: Hub;
  /** A hub of the same home with other settings. */
  open(more: Partial<HubDeps>): Hub;
}

/** To be called once at the top of a test file: a fresh home for each test, one server for all of them. */
export function useHubBench(): HubBench {
  let server: HubServer | undefined;
  let home: string | undefined;
  beforeAll(async () => {
    server = await startHubServer();
  });
  afterAll(() => server?.close());
  beforeEach(() => {
    home = mkdtempSync(path.join(os.tmpdir(), 'herald-hub-'));
    const now = need(server);
    now.repositories.clear();
    now.pages.clear();
    now.requests.length = 0;
    now.listed.length = 0;
    now.limitedUntil = undefined;
  });
  afterEach(() => {
    if (home !== undefined) rmSync(home, { recursive: true, force: true });
  });
  const open = (more: Partial<HubDeps> = {}) =>
    makeHub({
      home: need(home),
      fetch: need(server).fetch,
      clock: systemClock,
      log: silentLog,
      lookup: () => undefined,
      ...more,
    });
  return {
    get home() {
      return need(home);
    },
    get server() {
      return need(server);
    },
    get hub() {
      return open();
    },
    open,
  };
}

function need<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('only within a test');
  return value;
}

/** The AppError that `work` rejects with. */
export async function failure(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it did not reject');
}
