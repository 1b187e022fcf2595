// Programs on this machine: looked for each time, so that one that is installed later is found without a restart.
import { constants, promises as fs } from 'node:fs';
import path from 'node:path';

export interface Programs {
  /** PATH as the environment has it; given to children too. */
  path: string;
  /**
   * Absolute path of the first of `names` that PATH has. `configured`, a name or path of the configuration, counts alone when it is set.
   * Undefined when there is none that can be run.
   */
  find(names: readonly string[], configured?: string): Promise<string | undefined>;
}

/** Where services of the system start with no PATH at all. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function makePrograms(pathVariable: string | undefined): Programs {
  const searchPath = pathVariable ?? DEFAULT_PATH;
  // A relative folder would depend on where the gateway was started.
  const folders = searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  return {
    path: searchPath,
    async find(names, configured) {
      const wanted = configured === undefined ? names : [configured];
      for (const name of wanted) {
        const places = path.isAbsolute(name)
          ? [name]
          : name.includes(path.sep)
            ? []
            : folders.map((dir) => path.join(dir, name));
        for (const place of places) if (await canRun(place)) return place;
      }
      return undefined;
    },
  };
}

async function canRun(file: string): Promise<boolean> {
  try {
    await fs.access(file, constants.X_OK);
    return (await fs.stat(file)).isFile();
  } catch {
    return false;
  }
}
