// Which tables and indexes there are, as one row.
import { z } from 'zod';
import { readKey, type Key } from './keys.ts';

const indexSchema = z.object({ keyPath: z.union([z.string(), z.array(z.string())]) });
const schemaSchema = z.object({
  version: z.int().nonnegative(),
  tables: z.record(z.string(), z.object({ indexes: z.record(z.string(), indexSchema) })),
});

export type Index = z.output<typeof indexSchema>;
export type Schema = z.output<typeof schemaSchema>;

export function readSchema(text: string | undefined): Schema {
  return text === undefined ? { version: 0, tables: {} } : schemaSchema.parse(JSON.parse(text));
}

export function readKeyPath(keyPath: unknown): Index['keyPath'] {
  return indexSchema.shape.keyPath.parse(keyPath);
}

/** Undefined: the index does not hold this value. */
export function keyOf({ keyPath }: Index, value: unknown): Key | undefined {
  const paths = typeof keyPath === 'string' ? [keyPath] : keyPath;
  const parts: Key[] = [];
  for (const path of paths) {
    const part = partOf(value, path);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return typeof keyPath === 'string' ? parts[0] : parts;
}

function partOf(value: unknown, path: string): Key | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const found: unknown = Object.entries(value).find(([name]) => name === path)?.[1];
  try {
    return readKey(found);
  } catch {
    return undefined;
  }
}
