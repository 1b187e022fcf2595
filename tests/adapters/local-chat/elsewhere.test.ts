// Lines of a person's other chats reach an open page at once, each of them once.
import { afterEach, expect, it } from 'vitest';
import type { TimelineEntry } from '../../../adapters/contract.ts';
import { Elsewhere } from '../../../adapters/local-chat/elsewhere.ts';
import { EventStreams } from '../../../adapters/local-chat/event-streams.ts';
import { chatId } from '../../../shared/ids.ts';
import { makeRecordingHost } from '../../contracts/adapter-host.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const ann = chatId('ann');
const line = (key: string, via?: string): TimelineEntry => ({
  key,
  via,
  direction: 'in',
  at: 1,
  text: key,
  kind: 'message',
  files: [],
  buttons: [],
});

let streams: EventStreams | undefined;
afterEach(() => streams?.close());

it('shows what is new elsewhere, never twice, and nothing of this chat', async () => {
  const record = makeRecordingHost();
  const opened = (streams = new EventStreams(makeFakeClock(), 'run'));
  const elsewhere = new Elsewhere(record.host, opened, (_chat, entry) => ({ ...entry, files: [] }));
  elsewhere.follow(ann); // nobody looks: nothing to follow
  record.timeline.push(line('before', 'raven'));
  record.tellFollowers();
  const stream = opened.subscribe(ann, undefined, async () => []);
  if (stream === 'full') throw new Error('no room');
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  elsewhere.follow(ann);
  elsewhere.follow(ann);
  elsewhere.wasShown(ann, line('before', 'raven'));
  record.timeline.push(line('mine'), line('theirs', 'raven'));
  record.tellFollowers();
  record.tellFollowers();
  record.timeline.push(line('last', 'raven'));
  await new Promise((resolve) => setImmediate(resolve));
  record.tellFollowers();
  let read = '';
  for (let n = 0; n < 20 && !read.includes('"last"'); n++) read += (await reader.read()).value ?? '';
  expect([...read.matchAll(/"key":"(\w+)"/g)].map((match) => match[1])).toEqual(['theirs', 'last']);
  elsewhere.close();
  record.timeline.push(line('late', 'raven'));
  record.tellFollowers();
  await record.close();
});
