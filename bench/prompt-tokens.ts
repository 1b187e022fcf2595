// What "hi" costs before the model says anything: the bill of `herald prompt-size` for a fresh installation, at a fixed date.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { manifests } from '../adapters/manifests.ts';
import { loadConfig } from '../config/load.ts';
import { measureConfiguredPrompt } from '../gateway/compose/agent/prompt-size.ts';
import { silentLog } from '../shared/log.ts';
import { systemClock, type Clock } from '../shared/clock.ts';

export interface PromptTokens {
  /** By Herald's estimator, which is a little too high rather than too low. */
  tokens: number;
  chars: number;
}

export async function measurePromptTokens(): Promise<PromptTokens> {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-bench-'));
  try {
    fs.writeFileSync(path.join(home, 'config.yaml'), 'agent: { timezone: UTC }\nmodel: { provider: demo }\n');
    const loaded = await loadConfig({ home, env: {}, manifests });
    const clock: Clock = { ...systemClock, now: () => Date.UTC(2026, 10, 21, 12) };
    const parts = await measureConfiguredPrompt(loaded, clock, silentLog);
    return {
      tokens: parts.reduce((sum, part) => sum + part.tokens, 0),
      chars: parts.reduce((sum, part) => sum + part.chars, 0),
    };
  } finally {
    fs.rmSync(home, { recursive: true, force: true });
  }
}
