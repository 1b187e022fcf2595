// The person's direct messages on Slack.
import { APP_TOKEN, BOT_TOKEN, startSlack, textOf } from '../../support/slack/workspace.ts';
import type { PersonsChat } from '../chat.ts';

export async function slack(): Promise<PersonsChat> {
  const workspace = await startSlack();
  const { ada } = workspace;
  return {
    platform: 'slack',
    settings: { api_root: workspace.apiRoot },
    secrets: [`SLACK_BOT_TOKEN=${BOT_TOKEN}`, `SLACK_APP_TOKEN=${APP_TOKEN}`],
    say: async (said) => void (await ada.say(ada.dm, said)),
    told: async () => (await workspace.ours(ada.dm)).map(textOf),
    close: () => workspace.close(),
  };
}
