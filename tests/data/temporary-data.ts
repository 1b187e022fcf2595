// A database in a temporary folder with a fake clock, closed and removed when the test ends.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { openData, type OpenOptions, type OpenedData } from '../../data/db.ts';
import { putEmptyDatabase } from '../support/built.ts';
import { makeFakeClock, type FakeClock } from '../support/fake-clock.ts';

export interface TemporaryData extends OpenedData {
  home: string;
  clock: FakeClock;
}

/** A folder that goes when the running test ends. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-data-'));
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a new database, or the one in `options.home`. Only within a running test. */
export async function openTemporaryData(options: Partial<OpenOptions> = {}): Promise<TemporaryData> {
  const home = options.home ?? temporaryFolder();
  const clock = makeFakeClock();
  if (options.home === undefined && options.migrations === undefined) putEmptyDatabase(home);
  const opened = await openData({ clock, ...options, home });
  onTestFinished(() => opened.close());
  return { ...opened, home, clock };
}
