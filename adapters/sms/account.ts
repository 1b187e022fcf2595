// What is asked of the account beside messages: whether the login is right, which numbers it has and where their messages go.
import { z } from 'zod';
import type { TwilioApi } from './api.ts';

const accountSchema = z.looseObject({ friendly_name: z.string(), status: z.string() });
const numberSchema = z.looseObject({
  sid: z.string().regex(/^PN[0-9a-fA-F]{32}$/),
  phone_number: z.string(),
  friendly_name: z.string().nullish(),
  sms_url: z.string().nullish(),
});
const numbersSchema = z.looseObject({ incoming_phone_numbers: z.array(numberSchema) });

export type OwnNumber = z.output<typeof numberSchema>;

/** Rejects as TwilioApi.call does. */
export async function readAccount(api: TwilioApi, signal: AbortSignal): Promise<{ name: string; isActive: boolean }> {
  const { friendly_name: name, status } = accountSchema.parse(await api.call({ path: '.json', signal }));
  return { name, isActive: status === 'active' };
}

/** The numbers of the account, or the one that is named. At most 50. */
export async function listNumbers(api: TwilioApi, signal: AbortSignal, only?: string): Promise<readonly OwnNumber[]> {
  const query = only === undefined ? {} : { PhoneNumber: only };
  const answer = await api.call({ path: '/IncomingPhoneNumbers.json', query, signal });
  return numbersSchema.parse(answer).incoming_phone_numbers;
}

/** From now on Twilio hands messages for the number to `url`. */
export async function setWebhook(api: TwilioApi, number: OwnNumber, url: string, signal: AbortSignal): Promise<void> {
  await api.call({
    path: `/IncomingPhoneNumbers/${number.sid}.json`,
    form: { SmsUrl: url, SmsMethod: 'POST' },
    signal,
  });
}

/** Whether two addresses are the same to Twilio's caller. */
export function isSameUrl(a: string | null | undefined, b: string): boolean {
  return (a ?? '').replace(/\/+$/, '') === b.replace(/\/+$/, '');
}
