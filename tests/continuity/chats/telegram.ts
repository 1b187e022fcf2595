// The person's chat on Telegram.
import { startBotApi } from '../../support/bot-api.ts';
import type { PersonsChat } from '../chat.ts';

const ANN = 101;

export async function telegram(): Promise<PersonsChat> {
  const bot = await startBotApi();
  const ann = bot.user(ANN, 'Ann');
  return {
    platform: 'telegram',
    settings: { api_root: bot.url, rate_limit: false },
    secrets: [`TELEGRAM_BOT_TOKEN=${bot.token}`],
    say: (said) => void ann.dm.sendText(said),
    told: () => bot.messages(ANN).map(({ message }) => message.text ?? ''),
    close: () => bot.close(),
  };
}
