// Where Chromium is on this machine. None is downloaded: a browser needs updates, which the system's packages bring.
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../../shared/errors.ts';

const FOLDERS: readonly string[] = [
  '/usr/bin',
  '/usr/local/bin',
  '/snap/bin',
  '/opt/google/chrome',
  '/opt/homebrew/bin',
];
const NAMES: readonly string[] = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const APPLICATIONS: readonly string[] = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Absolute path of the configured browser, else of the first that is there. Rejects with AppError `tool_unavailable`. */
export async function findChromium(
  configured: string | undefined,
  places: readonly string[] = FOLDERS.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).concat(
    APPLICATIONS,
  ),
): Promise<string> {
  for (const file of configured === undefined ? places : [configured]) {
    if (await isExecutable(file)) return file;
  }
  throw new AppError(
    'tool_unavailable',
    configured === undefined
      ? 'There is no Chromium on this machine. Install one (apt install chromium, brew install --cask chromium) or set its path as browser.executable.'
      : `There is no program at ${configured} (browser.executable).`,
  );
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
