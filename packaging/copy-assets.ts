// Second half of `npm run build`: what tsc leaves behind (pages, pictures, built-in skills) goes to the same place under dist/, and the
// command becomes executable.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Copies all files of the built folders that are no TypeScript from `root` to `target`. Returns their paths, sorted. */
export function copyAssets(root: string, target: string): string[] {
  const copied: string[] = [];
  for (const folder of builtFolders(root)) {
    if (!existsSync(path.join(root, folder))) continue;
    for (const entry of readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name.endsWith('.ts') || entry.name.startsWith('.')) continue;
      const from = path.join(entry.parentPath, entry.name);
      const relative = path.relative(root, from);
      mkdirSync(path.dirname(path.join(target, relative)), { recursive: true });
      cpSync(from, path.join(target, relative));
      copied.push(relative.split(path.sep).join('/'));
    }
  }
  return copied.toSorted();
}

/** The folders that tsconfig.build.json compiles: the one list of what ships. */
function builtFolders(root: string): readonly string[] {
  const config: unknown = JSON.parse(readFileSync(path.join(root, 'tsconfig.build.json'), 'utf8'));
  const include: unknown =
    typeof config === 'object' && config !== null && 'include' in config ? config.include : undefined;
  if (!Array.isArray(include) || include.length === 0) throw new Error('tsconfig.build.json includes no folders');
  return include.map(String);
}

if (import.meta.main) {
  const root = path.join(import.meta.dirname, '..');
  const target = path.join(root, 'dist');
  const copied = copyAssets(root, target);
  chmodSync(path.join(target, 'cli/main.js'), 0o755);
  process.stdout.write(`${copied.length} files copied to dist\n`);
}
