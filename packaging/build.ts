// `npm run build`: JavaScript in dist/ for the package and the image. Our modules, and of the packages those that nearly every gateway loads,
// become some hundred files instead of two thousand, and a start loads a dozen of them: it takes a third of the time, and 15 MB less at idle.
// What is not code is copied beside it.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { rolldown, type PluginContext } from 'rolldown';

/** All that ships. */
export const BUILT_FOLDERS = [
  'shared',
  'config',
  'adapters',
  'pairing',
  'gateway',
  'agent',
  'skills',
  'scheduler',
  'data',
  'cli',
];

/** Modules that are loaded by their own address or look for files beside them, without `.ts`. */
const ENTRIES = ['cli/main', 'shared/installation', 'agent/tools/web/extract/worker'];

/** Loaded at every start or with the first answer, and nothing but JavaScript. All others stay packages, loaded when they are used. */
const BUNDLED = new Set([
  '@anthropic-ai/sdk',
  '@hono/node-server',
  'commander',
  'croner',
  'entities',
  'get-east-asian-width',
  'grammy',
  'hono',
  'jsonrepair',
  'kysely',
  'linkify-it',
  'markdown-it',
  'markdown-it-cjk-friendly',
  'mdurl',
  'openai',
  'punycode.js',
  'uc.micro',
  'ulid',
  'yaml',
  'zod',
]);

/** What every start of a gateway loads is in few files, for each costs a millisecond: a layer needs only itself and those before it. */
const LAYERS = ['base', 'settings', 'storage', 'client', 'commands', 'gateway'] as const;
const GATEWAY = 'gateway/compose.ts';
const CLIENT = ['cli/client.ts', 'cli/output.ts', 'data/lock.ts'];

type Graph = Pick<PluginContext, 'getModuleInfo'>;

/** The layer of each module, by id. What a command needs that starts no gateway is in one before the gateway's. */
function layersOf(graph: Graph, root: string): ReadonlyMap<string, string> {
  const idOf = (file: string) => path.join(root, file);
  const gateway = importsOf(graph, idOf(GATEWAY));
  const contents: Record<(typeof LAYERS)[number], ReadonlySet<string>> = {
    base: importsOf(graph, idOf('cli/run.ts')),
    settings: importsOf(graph, idOf('config/load.ts')),
    storage: importsOf(graph, idOf('data/db.ts')),
    client: new Set(CLIENT.flatMap((file) => [...importsOf(graph, idOf(file))])),
    commands: importsOf(graph, idOf('cli/main.ts'), { except: idOf(GATEWAY) }),
    gateway,
  };
  const layers = new Map<string, string>();
  for (const layer of LAYERS)
    for (const id of contents[layer]) if (gateway.has(id) && !layers.has(id)) layers.set(id, layer);
  return layers;
}

/** All that is loaded with `file`; with `except`, what is loaded on demand as well, but for that file. */
function importsOf(graph: Graph, file: string, lazy?: { except: string }): ReadonlySet<string> {
  const found = new Set([file]);
  for (const id of found) {
    const info = graph.getModuleInfo(id);
    const imports = [...(info?.importedIds ?? []), ...(lazy ? (info?.dynamicallyImportedIds ?? []) : [])];
    for (const next of imports) if (next !== lazy?.except) found.add(next);
  }
  return found;
}

/** Builds the project at `root` into `target`, which is emptied before. `more`: other entries. Returns the paths of all files, sorted. */
export async function build(root: string, target: string, more: readonly string[] = []): Promise<readonly string[]> {
  rmSync(target, { recursive: true, force: true });
  const layers = new Map<string, string>();
  const bundle = await rolldown({
    cwd: root,
    plugins: [
      {
        name: 'layers',
        buildEnd() {
          for (const [id, layer] of layersOf(this, root)) layers.set(id, layer);
        },
      },
    ],
    input: Object.fromEntries([...ENTRIES, ...more].map((entry) => [entry, `./${entry}.ts`])),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !path.isAbsolute(id) && !BUNDLED.has(packageOf(id)),
  });
  await bundle.write({
    dir: target,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: {
      groups: LAYERS.map((name, index) => ({
        name,
        test: (id) => layers.get(id) === name,
        priority: LAYERS.length - index,
      })),
    },
  });
  await bundle.close();
  chmodSync(path.join(target, 'cli/main.js'), 0o755);
  copyAssets(root, target);
  return readdirSync(target, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(target, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .toSorted();
}

/** Name of the package that `id` imports from. */
function packageOf(id: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? id;
}

/** Copies all files of the built folders that are no TypeScript. */
export function copyAssets(root: string, target: string): void {
  for (const folder of BUILT_FOLDERS) {
    if (!existsSync(path.join(root, folder))) continue;
    for (const entry of readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.ts') || entry.name.startsWith('.')) continue;
      const from = path.join(entry.parentPath, entry.name);
      const to = path.join(target, path.relative(root, from));
      mkdirSync(path.dirname(to), { recursive: true });
      cpSync(from, to);
    }
  }
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, '..');
  const files = await build(root, path.join(root, 'dist'));
  process.stdout.write(`${files.length} files written to dist\n`);
}
