// Progress of long work on standard error: one line that changes in a terminal, a line per tenth elsewhere, nothing with --json.
import type { CliContext } from '../context.ts';

export interface Progress {
  /** `of` undefined: nobody knows how much there is. */
  step(done: number, of: number | undefined, what: string): void;
  end(): void;
}

const EVERY_MS = 200;

export function openProgress(context: CliContext, title: string): Progress {
  if (context.json) return { step() {}, end() {} };
  const { stderr, clock } = context;
  if (!stderr.isTTY) return linesOf(context, title);
  let shownAt = 0;
  stderr.write(`${title} …`);
  return {
    step(done, of, what) {
      if (clock.now() - shownAt < EVERY_MS) return;
      shownAt = clock.now();
      stderr.write(`\r\u001b[2K${title}: ${percentOf(done, of)}${what}`);
    },
    end: () => void stderr.write(`\r\u001b[2K${title}: done\n`),
  };
}

function linesOf(context: CliContext, title: string): Progress {
  let tenth = 0;
  context.note(`${title} …`);
  return {
    step(done, of, what) {
      const now = of === undefined || of === 0 ? 0 : Math.floor((10 * done) / of);
      if (now <= tenth || now >= 10) return;
      tenth = now;
      context.note(`  ${percentOf(done, of)}${what}`);
    },
    end: () => context.note('  done'),
  };
}

function percentOf(done: number, of: number | undefined): string {
  return of === undefined || of === 0 ? '' : `${Math.floor((100 * done) / of)} % `;
}
