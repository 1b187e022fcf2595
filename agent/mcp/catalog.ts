// What a server has said that it can do: kept on disk, so that its tools can be offered without a connection, and held against what it
// says later. A tool whose description or schema changes after the owner has seen it is kept back until they allow it.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { ensureDir, writeFileAtomic } from '../../data/files.ts';
import { canonicalJson } from '../tools/tool.ts';
import type { McpServerConfig } from './config.ts';
import { isWanted } from './names.ts';
import { scanText, textsIn, type Finding } from './scan.ts';
import { sha256Hex } from '../../shared/digest.ts';

const MAX_TOOLS = 256;
const MAX_CATALOG_BYTES = 8 * 1024 * 1024;

/** A tool as its server describes it; foreign, so minimal. */
export const remoteToolSchema = z.object({
  name: z
    .string()
    .min(1)
    .max(200)
    .refine((name) => name !== '__proto__'),
  title: z.string().max(1000).optional(),
  description: z.string().max(100_000).optional(),
  inputSchema: z.record(z.string(), z.unknown()),
  annotations: z
    .object({
      title: z.string().max(1000).optional(),
      readOnlyHint: z.boolean().optional(),
      destructiveHint: z.boolean().optional(),
      idempotentHint: z.boolean().optional(),
      openWorldHint: z.boolean().optional(),
    })
    .optional(),
  execution: z.object({ taskSupport: z.string().optional() }).optional(),
});
export type RemoteTool = z.output<typeof remoteToolSchema>;

const catalogSchema = z.object({
  /** Digest of how the server is reached: another program or address is another server. */
  identity: z.string(),
  name: z.string(),
  version: z.string(),
  resources: z.boolean(),
  prompts: z.boolean(),
  readAt: z.number(),
  tools: z.array(z.object({ tool: remoteToolSchema, digest: z.string() })),
  /** Digest of each tool as the owner has allowed it, by name; those of tools that are gone stay. */
  allowed: z.record(z.string(), z.string()),
});
export type Catalog = z.output<typeof catalogSchema>;

export type ToolState = 'offered' | 'excluded' | 'blocked' | 'changed';

export interface ReviewedTool {
  tool: RemoteTool;
  digest: string;
  state: ToolState;
  findings: readonly Finding[];
}

/** What the server told just now. */
export interface Told {
  name: string;
  version: string;
  resources: boolean;
  prompts: boolean;
  tools: readonly RemoteTool[];
}

/** Takes over what was told. Tools that are new are allowed by being seen; those that changed wait, unless the server is trusted. */
export function mergeCatalog(before: Catalog | undefined, told: Told, at: MergeAt): Catalog {
  const known = before?.identity === at.identity ? before : undefined;
  const allowed: Record<string, string> = { ...known?.allowed };
  const tools = uniqueTools(told.tools).map((tool) => ({ tool, digest: digestTool(tool) }));
  for (const { tool, digest } of tools) if (at.trust || !Object.hasOwn(allowed, tool.name)) allowed[tool.name] = digest;
  return {
    identity: at.identity,
    name: told.name.slice(0, 200),
    version: told.version.slice(0, 100),
    resources: told.resources,
    prompts: told.prompts,
    readAt: at.now,
    tools,
    allowed,
  };
}

export interface MergeAt {
  identity: string;
  trust: boolean;
  now: number;
}

/** Which tools are offered, and why the others are not. */
export function reviewTools(catalog: Catalog, config: McpServerConfig): readonly ReviewedTool[] {
  return catalog.tools.map(({ tool, digest }) => {
    const findings = scanTool(tool);
    return { tool, digest, findings, state: judge(catalog, config, { tool, digest, findings }) };
  });
}

function judge(
  catalog: Catalog,
  config: McpServerConfig,
  { tool, digest, findings }: Omit<ReviewedTool, 'state'>,
): ToolState {
  if (!isWanted(tool.name, config.tools)) return 'excluded';
  if (findings.some(({ severity }) => severity === 'block') && !config.trust) return 'blocked';
  if (catalog.allowed[tool.name] !== digest) return 'changed';
  return tool.execution?.taskSupport === 'required' ? 'excluded' : 'offered';
}

/** The catalog with tools as they are now allowed: those named, or all. */
export function allowTools(catalog: Catalog, names: readonly string[] | undefined): Catalog {
  const allowed = { ...catalog.allowed };
  for (const { tool, digest } of catalog.tools)
    if (names === undefined || names.includes(tool.name)) allowed[tool.name] = digest;
  return { ...catalog, allowed };
}

/** Everything of a tool that the model would read. */
function scanTool(tool: RemoteTool): readonly Finding[] {
  const found = new Map<string, Finding>();
  for (const text of textsIn({ ...tool, execution: undefined }))
    for (const finding of scanText(text)) found.set(finding.reason, finding);
  return [...found.values()];
}

function uniqueTools(tools: readonly RemoteTool[]): readonly RemoteTool[] {
  const byName = new Map(tools.toReversed().map((tool) => [tool.name, tool]));
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, MAX_TOOLS);
}

function digestTool(tool: RemoteTool): string {
  return sha256Hex(canonicalJson(tool));
}

/** What makes a server the same server. */
export function identityOf(config: McpServerConfig): string {
  const { command, args, url } = config;
  return sha256Hex(canonicalJson({ command, args, url }));
}

function catalogFile(dir: string, server: string): string {
  return path.join(dir, 'catalog', `${server}.json`);
}

/** Undefined when there is none for this server as it is configured now. Tools whose digest is not theirs are left out. */
export function readCatalog(dir: string, server: string, identity: string): Catalog | undefined {
  let text: string;
  try {
    text = readFileSync(catalogFile(dir, server), 'utf8');
  } catch {
    return undefined;
  }
  const parsed = catalogSchema.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.identity !== identity) return undefined;
  return { ...parsed.data, tools: parsed.data.tools.filter(({ tool, digest }) => digestTool(tool) === digest) };
}

/** Rejects nothing: a catalog that cannot be kept is read anew at the next start. Throws AppError of data/files.ts. */
export function writeCatalog(dir: string, server: string, catalog: Catalog): void {
  const text = JSON.stringify(catalog);
  if (text.length > MAX_CATALOG_BYTES) return;
  ensureDir(path.join(dir, 'catalog'));
  writeFileAtomic(catalogFile(dir, server), text);
}

export function forgetCatalog(dir: string, server: string): void {
  rmSync(catalogFile(dir, server), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
