// The hub of skills with what this Herald is set up with: the guarded fetch, the token of GitHub, and names that are taken.
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardedFetch } from '../../agent/net/guarded-fetch.ts';
import { makeUrlGuard } from '../../agent/net/guard.ts';
import { webRules } from '../../agent/tools/web/web-tools.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { assetUrl } from '../../shared/installation.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Logger } from '../../shared/log.ts';
import { openSkillFolder } from '../../skills/folder.ts';
import { makeHub, type Hub } from '../../skills/hub/hub.ts';

const BUILTIN = fileURLToPath(assetUrl('skills/builtin'));

/** Opens nothing: there is nothing to close. */
export function composeHub(loaded: LoadedConfig, { clock, log }: { clock: Clock; log: Logger }): Hub {
  const guard = makeUrlGuard(webRules(loaded.config.web));
  return makeHub({
    home: loaded.home,
    fetch: (url, { headers = {}, ...request }) => guardedFetch(url, { ...request, headers, guard, clock }),
    clock,
    log,
    lookup: (name) => loaded.lookup(name),
    secrets: loaded.secrets,
    taken: (name) => findTaken(name, loaded.config.skills.shared_dirs),
  });
}

/** Skills that everybody has: a skill of the hub could otherwise stand in for one of them. */
async function findTaken(name: string, shared: readonly string[]): Promise<string | undefined> {
  const places = [
    { folder: BUILTIN, what: 'a skill that comes with Herald' },
    ...shared.map((folder) => ({ folder: fromHome(folder), what: `a shared skill in ${folder}` })),
  ];
  for (const { folder, what } of places) {
    const { skills } = await openSkillFolder(folder).list();
    if (skills.some((skill) => skill.name === name)) return what;
  }
  return undefined;
}

function fromHome(folder: string): string {
  return path.resolve(folder.replace(/^~(?=$|[\\/])/, homedir()));
}
