// The person's chat on WhatsApp, over the Cloud API.
import { FakeCloudApi, type CloudPerson } from '../../support/whatsapp/cloud-api.ts';
import { ACCESS_TOKEN, APP_SECRET, object, PHONE_NUMBER_ID, text } from '../../support/whatsapp/cloud-world.ts';
import type { PersonsChat } from '../chat.ts';

export async function whatsapp(): Promise<PersonsChat> {
  const api = await FakeCloudApi.start();
  const ann: CloudPerson = { phone: '15550004444', name: 'Ann', userId: 'US.4444' };
  return {
    platform: 'whatsapp',
    settings: { transport: 'cloud', phone_number_id: PHONE_NUMBER_ID, api_root: api.root },
    secrets: [
      `WHATSAPP_CLOUD_TOKEN=${ACCESS_TOKEN}`,
      `WHATSAPP_APP_SECRET=${APP_SECRET}`,
      'WHATSAPP_VERIFY_TOKEN=verify-token-of-tests',
    ],
    say: (said) => void api.say(ann, { type: 'text', text: { body: said } }),
    told: () =>
      api.world.sent.map(({ body }) =>
        body['type'] === 'text' ? text(object(body['text'])['body']) : JSON.stringify(body['interactive']),
      ),
    gatewayAt: ({ url }) => void (api.webhookUrl = `${url}/whatsapp/default/`),
    close: () => api.close(),
  };
}
