// Who may import whom: the tables of docs/architecture as data, and the rules that hold the imports against them.
import {
  eagerClosure,
  PRODUCT_FOLDERS,
  topFolder,
  type ImportFact,
  type Project,
  type Rule,
  type SourceFile,
  type Violation,
} from './project.ts';

/** Part of the project with its own row in the import table. */
type Layer =
  | 'shared'
  | 'data'
  | 'config'
  | 'adapters'
  | 'manifests'
  | 'platform'
  | 'pairing'
  | 'skills'
  | 'scheduler'
  | 'agent'
  | 'research'
  | 'gateway'
  | 'compose'
  | 'cli'
  | 'outside';

/** Layers that a layer may import besides itself. Type imports count. What is narrower stands in `isNarrowed`. */
const MAY_IMPORT: Readonly<Record<Exclude<Layer, 'outside'>, readonly Layer[]>> = {
  shared: [],
  data: ['shared'],
  config: ['shared'],
  adapters: ['shared'],
  manifests: ['shared', 'adapters'],
  platform: ['shared', 'adapters'],
  pairing: ['shared', 'data'],
  skills: ['shared', 'data'],
  scheduler: ['shared', 'data'],
  agent: ['shared', 'data', 'skills'],
  research: ['shared', 'data', 'agent'],
  gateway: ['shared', 'data', 'pairing', 'scheduler', 'adapters'],
  compose: [
    'shared',
    'data',
    'config',
    'adapters',
    'manifests',
    'platform',
    'pairing',
    'skills',
    'scheduler',
    'agent',
    'research',
    'gateway',
  ],
  cli: [
    'shared',
    'data',
    'config',
    'adapters',
    'manifests',
    'platform',
    'pairing',
    'skills',
    'scheduler',
    'agent',
    'research',
    'gateway',
    'compose',
  ],
};

/** Parts of data/ that belong to the process (queues, people, pairing), not to a person's scope, and the layers that may not touch them. */
export const PROCESS_DATA: readonly string[] = ['data/process/'];
const WITHOUT_PROCESS_DATA: readonly Layer[] = ['agent', 'skills', 'research'];

/** Folders that may import a package; type imports count. */
const PACKAGE_FENCES: Readonly<Record<string, readonly string[]>> = {
  'better-sqlite3': ['data/'],
  kysely: ['data/'],
  hono: ['gateway/http/'],
  '@hono/node-server': ['gateway/http/'],
  openai: ['agent/providers/', 'gateway/voice/'],
  '@anthropic-ai/sdk': ['agent/providers/', 'gateway/voice/'],
  croner: ['scheduler/'],
  'chrono-node': ['scheduler/'],
  'sqlite-vec': ['data/'],
  fflate: ['skills/'],
  grammy: ['adapters/telegram/'],
  'discord.js': ['adapters/discord/'],
  '@slack/bolt': ['adapters/slack/'],
  baileys: ['adapters/whatsapp/'],
  imapflow: ['adapters/email/'],
  nodemailer: ['adapters/email/'],
  'postal-mime': ['adapters/email/'],
  'email-reply-parser': ['adapters/email/'],
  'home-assistant-js-websocket': ['adapters/homeassistant/'],
  'irc-framework': ['adapters/irc/'],
  '@daytonaio/sdk': ['agent/terminal/daytona/'],
  modal: ['agent/terminal/modal/'],
  undici: ['agent/net/'],
  'playwright-core': ['agent/tools/browser/'],
  linkedom: ['agent/tools/web/extract/'],
  '@mozilla/readability': ['agent/tools/web/extract/'],
  turndown: ['agent/tools/web/extract/'],
  'turndown-plugin-gfm': ['agent/tools/web/extract/'],
  unpdf: ['agent/tools/web/extract/'],
  mammoth: ['agent/tools/web/extract/'],
  '@modelcontextprotocol/sdk': ['agent/mcp/', 'gateway/mcp/'],
};

/** Packages that cost tens of milliseconds and megabytes to load: never loaded by just starting. */
const HEAVY_PACKAGES: readonly string[] = [
  'openai',
  '@anthropic-ai/sdk',
  'grammy',
  'discord.js',
  '@slack/bolt',
  'baileys',
  'imapflow',
  'nodemailer',
  'postal-mime',
  'email-reply-parser',
  'home-assistant-js-websocket',
  'irc-framework',
  '@modelcontextprotocol/sdk',
  'playwright-core',
  '@daytonaio/sdk',
  'modal',
  'undici',
  'linkedom',
  '@mozilla/readability',
  'turndown',
  'unpdf',
  'mammoth',
  'chrono-node',
  'croner',
  'sqlite-vec',
  'fflate',
  'diff',
];
const LIGHT_ENTRIES: readonly string[] = ['cli/main.ts', 'gateway/compose.ts', 'adapters/manifests.ts'];
/** Each start loads every manifest, so their schemas are all that they may bring. */
const MANIFESTS = 'adapters/manifests.ts';
const MANIFEST_PACKAGES = /^(?:zod$|node:)/;

/** What the gateway may know of the agent, as types: the port and the events that its signature names. */
const AGENT_PORT: readonly string[] = [
  'agent/port.ts',
  'agent/events.ts',
  'agent/memory/port.ts',
  'agent/skills/port.ts',
  'agent/evidence/port.ts',
];

const IO_MODULES =
  /^node:(fs|net|http|https|http2|tls|dgram|dns|child_process|worker_threads|cluster|readline|sqlite|os)(\/|$)/;

/** shared → … → cli: rows of the import table. */
export const importTable: Rule = {
  name: 'import table',
  check: (project) => forImports(project, (file, fact) => explainImport(file, fact, project)),
};

/** Packages stay behind their fences. */
export const packageFences: Rule = {
  name: 'package fences',
  check: (project) =>
    forImports(project, (file, fact) => {
      const fence = fact.package === undefined ? undefined : PACKAGE_FENCES[fact.package];
      if (fence === undefined || fence.some((folder) => file.path.startsWith(folder))) return undefined;
      return `${fact.package} belongs to ${fence.join(' and ')}`;
    }),
};

/** The agent and what serves it see people's data through scopes only. */
export const processData: Rule = {
  name: 'process data',
  check: (project) =>
    forImports(project, (file, fact) => {
      if (!WITHOUT_PROCESS_DATA.includes(layerOf(file.path, project))) return undefined;
      return PROCESS_DATA.some((folder) => fact.file?.startsWith(folder))
        ? `${fact.specifier} is for the process, not for a person's scope`
        : undefined;
    }),
};

/** shared/ is vocabulary: no files, no network, no processes. */
export const sharedWithoutIo: Rule = {
  name: 'shared without I/O',
  check: (project) =>
    forImports(project, (file, fact) =>
      topFolder(file.path) === 'shared' && fact.kind !== 'type' && IO_MODULES.test(fact.specifier)
        ? `shared does no I/O: ${fact.specifier}`
        : undefined,
    ),
};

/** Relative paths only, with their ending, to files that exist. */
export const plainSpecifiers: Rule = {
  name: 'plain import paths',
  check: (project) =>
    forImports(project, (_, fact) => {
      if (/^[#~/]/.test(fact.specifier) || fact.specifier.startsWith('@/'))
        return `write ${fact.specifier} as a relative path`;
      if (fact.file === undefined || fact.file.endsWith('.json')) return undefined;
      return project.files.has(fact.file) ? undefined : `there is no file ${fact.file}`;
    }),
};

/** Starting and `herald version` load no heavy package. */
export const lazySdks: Rule = {
  name: 'lazy SDKs',
  check(project) {
    const found = new Map<string, Violation>();
    for (const entry of LIGHT_ENTRIES.filter((file) => project.files.has(file))) {
      for (const [file, trail] of eagerClosure(project, entry)) {
        for (const fact of project.files.get(file)?.imports ?? []) {
          if (fact.kind !== 'static' && fact.kind !== 'reexport') continue;
          if (fact.package === undefined || !isHeavy(fact.package, entry)) continue;
          const message = `${fact.package} is loaded by just importing ${entry} (${trail.join(' → ')}): use await import()`;
          found.set(`${file}:${fact.line}`, found.get(`${file}:${fact.line}`) ?? { file, line: fact.line, message });
        }
      }
    }
    return [...found.values()];
  },
};

function isHeavy(name: string, entry: string): boolean {
  return HEAVY_PACKAGES.includes(name) || (entry === MANIFESTS && !MANIFEST_PACKAGES.test(name));
}

/** No file imports itself over others; type imports count, `import()` does not. */
export const importCycles: Rule = {
  name: 'import cycles',
  check(project) {
    const violations: Violation[] = [];
    const done = new Set<string>();
    const open: string[] = [];
    const visit = (file: string) => {
      if (done.has(file)) return;
      open.push(file);
      for (const fact of project.files.get(file)?.imports ?? []) {
        if (fact.kind === 'dynamic' || fact.file === undefined || !project.files.has(fact.file)) continue;
        const from = open.indexOf(fact.file);
        if (from === -1) visit(fact.file);
        else violations.push({ file, line: fact.line, message: [...open.slice(from), fact.file].join(' → ') });
      }
      open.pop();
      done.add(file);
    };
    for (const file of project.files.keys()) visit(file);
    return violations;
  },
};

function forImports(project: Project, judge: (file: SourceFile, fact: ImportFact) => string | undefined): Violation[] {
  const violations: Violation[] = [];
  for (const file of project.product) {
    for (const fact of file.imports) {
      const message = judge(file, fact);
      if (message !== undefined) violations.push({ file: file.path, line: fact.line, message });
    }
  }
  return violations;
}

function layerOf(file: string, project: Project): Layer {
  const top = topFolder(file);
  if (file === 'gateway/compose.ts' || file.startsWith('gateway/compose/')) return 'compose';
  if (file === 'adapters/manifests.ts') return 'manifests';
  if (top === 'adapters') return platformOf(file, project) === undefined ? 'adapters' : 'platform';
  if (!PRODUCT_FOLDERS.includes(top)) return 'outside';
  return isLayer(top) ? top : 'outside';
}

function isLayer(name: string): name is Exclude<Layer, 'outside'> {
  return Object.hasOwn(MAY_IMPORT, name);
}

function platformOf(file: string, project: Project): string | undefined {
  const folder = file.split('/')[1];
  return file.startsWith('adapters/') && folder !== undefined && project.platforms.includes(folder)
    ? folder
    : undefined;
}

function explainImport(file: SourceFile, fact: ImportFact, project: Project): string | undefined {
  if (fact.file === undefined || fact.file.endsWith('package.json')) return undefined;
  const from = layerOf(file.path, project);
  const to = layerOf(fact.file, project);
  if (from === 'outside') return undefined;
  if (to === 'outside') return `${fact.specifier} does not ship`;
  if (isNarrowed(file, fact, project)) return undefined;
  if (from === to)
    return from === 'platform' && platformOf(file.path, project) !== platformOf(fact.file, project)
      ? 'a platform may not know another'
      : undefined;
  if (MAY_IMPORT[from].includes(to)) return undefined;
  return `${from} may not import ${to} (${fact.file}${fact.kind === 'type' ? ', a type' : ''})`;
}

/** Imports that are allowed for single files, or as types only. */
function isNarrowed(file: SourceFile, fact: ImportFact, project: Project): boolean {
  const from = layerOf(file.path, project);
  const to = layerOf(fact.file ?? '', project);
  switch (from) {
    case 'config':
      // The schemas that each folder owns.
      return /\/(config|manifest)\.ts$/.test(fact.file ?? '') && to !== 'cli';
    case 'manifests':
      return to === 'platform' && fact.file?.endsWith('/manifest.ts') === true;
    case 'gateway':
      return fact.kind === 'type' && (to === 'config' || AGENT_PORT.includes(fact.file ?? ''));
    default:
      return false;
  }
}
