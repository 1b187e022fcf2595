// What one message asks of the database: statements and commits, counted at the driver while the real gateway, in this process, answers
// over the real platform. The median of some messages: what timers do meanwhile, which is more on a busy machine, belongs to none of them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Database from 'better-sqlite3';
import { startGateway } from '../gateway/compose.ts';
import { startBotApi } from '../tests/support/bot-api.ts';
import { startModelServer } from '../tests/support/model-server.ts';

const USER = 5001;
const WARM_UP = 3;
const MESSAGES = 10;

export interface StatementCount {
  /** Statements of any kind that are run for one message, `begin` and `commit` among them. */
  statements: number;
  /** Commits for one message: of transactions, and of writing statements by themselves. */
  commits: number;
}

export async function measureStatements(): Promise<StatementCount> {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'herald-bench-'));
  const api = await startBotApi();
  const model = await startModelServer({ script: [{ reply: { text: '{{user}}: an answer of one sentence.' } }] });
  const counter = countAtDriver();
  try {
    const config = {
      gateway: { port: 0 },
      model: { provider: 'custom', base_url: model.openAiUrl, name: 'bench-model', api_key: 'bench-key-1234' },
      platforms: { telegram: { api_root: api.url, rate_limit: false, allowed_users: [String(USER)] } },
    };
    fs.writeFileSync(path.join(home, 'config.yaml'), JSON.stringify(config), { mode: 0o600 });
    fs.writeFileSync(path.join(home, '.env'), `TELEGRAM_BOT_TOKEN=${api.token}\n`, { mode: 0o600 });
    const stop = new AbortController();
    const gateway = await startGateway({ home, signal: stop.signal });
    try {
      let said = 0;
      const ask = async () => {
        const mark = `number ${++said}.`;
        api.user(USER).dm.sendText(`Tell me about ${mark}`);
        await api.waitForText(USER, mark);
        await counter.quiet();
      };
      for (let i = 0; i < WARM_UP; i++) await ask();
      const counts: StatementCount[] = [];
      for (let i = 0; i < MESSAGES; i++) {
        const before = counter.counts();
        await ask();
        const after = counter.counts();
        counts.push({
          statements: after.statements - before.statements,
          commits: after.commits - before.commits,
        });
      }
      return {
        statements: median(counts.map(({ statements }) => statements)),
        commits: median(counts.map(({ commits }) => commits)),
      };
    } finally {
      stop.abort();
      await gateway.done;
    }
  } finally {
    counter.restore();
    await model.close();
    await api.close();
    fs.rmSync(home, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(values.length - 1) >> 1] ?? 0) + (sorted[values.length >> 1] ?? 0)) / 2;
}

/** Counts what all databases of this process run, until it is restored. */
function countAtDriver() {
  const counts = { statements: 0, commits: 0 };
  const memory = new Database(':memory:');
  const statement = memory.prepare('select 1');
  memory.close();
  const prototype: typeof statement = Object.getPrototypeOf(statement);
  const { all, run } = prototype;
  const counted = (method: typeof run | typeof all) =>
    function (this: typeof statement, ...parameters: unknown[]) {
      const result: unknown = Reflect.apply(method, this, parameters);
      counts.statements++;
      const isWrite = !this.readonly || this.source === 'commit';
      if (isWrite && !this.database.inTransaction) counts.commits++;
      return result;
    };
  Object.assign(prototype, { all: counted(all), run: counted(run) });
  return {
    counts: () => ({ ...counts }),
    /** Resolves when nothing was run for a while: what follows an answer belongs to it. */
    async quiet() {
      for (let before = -1; before !== counts.statements;) {
        before = counts.statements;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    },
    restore: () => Object.assign(prototype, { all, run }),
  };
}
