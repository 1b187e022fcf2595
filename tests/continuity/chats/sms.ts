// The person's text messages, through Twilio, which calls our webhook; what it could not hand over is in its list.
import { ACCOUNT, AUTH_TOKEN, OWN_NUMBER, startTwilio } from '../../support/sms/twilio.ts';
import type { PersonsChat } from '../chat.ts';

const ANN = '+15557770001';

export async function sms(gatewayUrl: string): Promise<PersonsChat> {
  const twilio = await startTwilio();
  const webhook = `${gatewayUrl}/sms/default/`;
  await twilio.setWebhook(webhook);
  let sending = Promise.resolve();
  return {
    platform: 'sms',
    settings: { account_sid: ACCOUNT, from: OWN_NUMBER, public_url: webhook, api_root: twilio.url },
    secrets: [`TWILIO_AUTH_TOKEN=${AUTH_TOKEN}`],
    say(text) {
      // One after the other: each is written when the call about the one before has been answered, or has failed.
      sending = sending.then(async () => void (await twilio.write(ANN, text)));
    },
    told: async () => (await twilio.sentTo(ANN)).map((message) => message.body),
    async close() {
      await sending;
      await twilio.close();
    },
  };
}
