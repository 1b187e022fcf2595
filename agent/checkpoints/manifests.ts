// What each turn changed: one JSON file per turn, replaced in one step, written before the change that it is about.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import nodePath from 'node:path';
import { z } from 'zod';
import { sha256Hex } from '../../shared/digest.ts';
import { spaceId, type SpaceId } from '../../shared/ids.ts';
import { isCode } from '../tools/files/host/anchored.ts';
import { namesIn } from './blobs.ts';
import { stateSchema } from './state.ts';

const entrySchema = z.strictObject({
  /** Absolute. */
  path: z.string(),
  before: stateSchema,
  /** What the turn left; absent: not known yet. */
  after: stateSchema.optional(),
  /** What stood there when the last change was planned, where that is not `before`: a kill may have come before the change. */
  planned: stateSchema.optional(),
  /** True when somebody else changed it between two changes of the turn. */
  mixed: z.boolean().optional(),
});

const manifestSchema = z.strictObject({
  version: z.literal(1),
  /** Of the turn, or of the undoing. */
  id: z.string(),
  space: z.string(),
  /** Order within the space. */
  seq: z.int(),
  /** Milliseconds since the Unix epoch. */
  at: z.number(),
  /** Ids that this is the undoing of. */
  undoes: z.array(z.string()).optional(),
  /** Id of the undoing. */
  undoneBy: z.string().optional(),
  entries: z.array(entrySchema),
  /** A command is under way: what stood below `root` before it is in this file. */
  tree: z.strictObject({ root: z.string(), file: z.string() }).optional(),
});

export type Entry = z.infer<typeof entrySchema>;
export type Manifest = z.infer<typeof manifestSchema>;

export interface Manifests {
  /** In their order; damaged ones are left out. */
  list(space: SpaceId): Promise<readonly Manifest[]>;
  /** `space`: only there. */
  find(id: string, space?: SpaceId): Promise<Manifest | undefined>;
  /** A new one, not written yet. */
  begin(id: string, space: SpaceId): Promise<Manifest>;
  write(manifest: Manifest): Promise<void>;
  remove(manifest: Manifest): Promise<void>;
  /** Of all spaces, oldest first. */
  all(): Promise<readonly Manifest[]>;
}

export function makeManifests(dir: string, now: () => number, onDamage: (file: string) => void): Manifests {
  const folderOf = (space: string) => nodePath.join(dir, digest(space));

  async function read(file: string): Promise<Manifest | undefined> {
    try {
      return manifestSchema.parse(JSON.parse(await fs.readFile(file, 'utf8')));
    } catch (error) {
      if (!isCode(error, 'ENOENT')) onDamage(file);
      return undefined;
    }
  }

  async function readFolder(folder: string): Promise<readonly Manifest[]> {
    const found: Manifest[] = [];
    for (const name of await namesIn(folder)) {
      const manifest = name.endsWith('.json') ? await read(nodePath.join(folder, name)) : undefined;
      if (manifest) found.push(manifest);
    }
    return found;
  }

  return {
    list: (space) => readFolder(folderOf(space)),
    async find(id, space) {
      for (const folder of space === undefined ? await namesIn(dir) : [digest(space)]) {
        const name = (await namesIn(nodePath.join(dir, folder))).find((one) => one.endsWith(`-${digest(id)}.json`));
        if (name !== undefined) return read(nodePath.join(dir, folder, name));
      }
      return undefined;
    },
    async begin(id, space) {
      const last = (await namesIn(folderOf(space))).findLast((name) => name.endsWith('.json'));
      const seq = last === undefined ? 1 : Number.parseInt(last, 10) + 1;
      return { version: 1, id, space, seq, at: now(), entries: [] };
    },
    write: (manifest) => writeWhole(fileOf(folderOf(manifest.space), manifest), JSON.stringify(manifest), true),
    remove: (manifest) => fs.rm(fileOf(folderOf(manifest.space), manifest), { force: true }),
    async all() {
      const found: Manifest[] = [];
      for (const folder of await namesIn(dir)) found.push(...(await readFolder(nodePath.join(dir, folder))));
      return found.toSorted((a, b) => a.at - b.at || a.seq - b.seq);
    },
  };
}

function fileOf(folder: string, { seq, id }: Manifest): string {
  return nodePath.join(folder, `${String(seq).padStart(10, '0')}-${digest(id)}.json`);
}

/** Ids are opaque: their hash can stand in a name of a file. */
function digest(id: string): string {
  return sha256Hex(id, 32);
}

/** Makes the folder, and replaces `file` in one step. `durable`: it survives a loss of power, not only of the process. */
export async function writeWhole(file: string, content: string, durable: boolean): Promise<void> {
  await fs.mkdir(nodePath.dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const handle = await fs.open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(content);
      if (durable) await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

export function spaceOf({ space }: Manifest): SpaceId {
  return spaceId(space);
}
