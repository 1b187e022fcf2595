// A process that opens a page in a browser of Herald's and then waits to be killed.
import { makeBrowserTools } from '../../../agent/tools/browser/browser-tools.ts';
import { browserSchema } from '../../../agent/tools/browser/config.ts';
import { systemClock } from '../../../shared/clock.ts';
import { openHome } from '../../agent/fixture.ts';
import { runTool } from './run-tool.ts';
import { makeTestGuard } from './site.ts';

const [address = '', browserHome = ''] = process.argv.slice(2);
const home = await openHome();
const { tools } = makeBrowserTools({
  settings: browserSchema.parse({ sandbox: process.getuid?.() !== 0 }),
  guard: makeTestGuard({ allowPrivateUrls: true }),
  clock: systemClock,
  home: browserHome,
  uid: process.getuid?.(),
});
const opened = await runTool(home, tools, ['browser_navigate', { url: address }]);
process.stdout.write(opened.isError ? `failed: ${opened.text}\n` : 'open\n');
setInterval(() => {}, 60_000);
