// The person's page, by the protocol that its script speaks.
import { setTimeout as wait } from 'node:timers/promises';
import { TRIES, TRY_AGAIN_MS, type PersonsChat } from '../chat.ts';
import { readNewLines } from '../timeline.ts';

export async function web(): Promise<PersonsChat> {
  let gateway = '';
  let cookie = '';
  let said = 0;
  let isClosed = false;
  const seen = new Set<string>();
  const texts: string[] = [];
  const ask = async (path: string, body?: unknown) => {
    for (let attempt = 0; attempt < TRIES && !isClosed; attempt++) {
      const headers = { cookie, ...(body !== undefined && { 'content-type': 'application/json' }) };
      const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
      const answer = await fetch(`${gateway}/${path}`, init).catch(() => undefined);
      if (answer?.ok) return answer;
      await wait(TRY_AGAIN_MS);
    }
    throw new Error('the page got no answer');
  };
  let sending = Promise.resolve();
  return {
    platform: 'web',
    settings: {},
    secrets: [],
    async say(text) {
      if (cookie === '') cookie = (await ask('session', {})).headers.get('set-cookie')?.split(';')[0] ?? '';
      const id = `continuity-${++said}`;
      sending = sending.then(async () => void (await ask('messages', { id, text })));
    },
    async told() {
      for (const { direction, via, html } of await readNewLines(seen, async (query) => (await ask(query)).json()))
        if (direction === 'out' && via === undefined) texts.push((html ?? '').replace(/<[^>]+>/g, '').trim());
      return texts;
    },
    gatewayAt: ({ url }) => void (gateway = url),
    async close() {
      isClosed = true;
    },
  };
}
