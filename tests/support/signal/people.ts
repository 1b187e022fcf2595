// People and the account's phone: what they do becomes envelopes in signal-cli's form.
import { Buffer } from 'node:buffer';
import { randomBytes, randomUUID } from 'node:crypto';
import type { Group, Person, PersonChat, Phone, SentFile, WriteOptions } from './types.ts';
import type { World } from './world.ts';

type Fields = Readonly<Record<string, unknown>>;

export function makePerson(world: World, name: string): Person {
  const number = `+4930239${String(10_000 + world.people.length)}`;
  const person: Person = {
    uuid: randomUUID(),
    number,
    name,
    dm: undefined as unknown as PersonChat,
    in: (group) => makeChat(world, person, group),
    typing: () =>
      world.deliver(
        envelopeOf(world, person, world.nextTimestamp(), { typingMessage: { action: 'STARTED', timestamp: 1 } }),
      ),
  };
  person.dm = makeChat(world, person, undefined);
  world.people.push(person);
  return person;
}

export function makeGroup(world: World, name: string): Group {
  const internalId = randomBytes(32).toString('base64');
  const group = { internalId, id: `group.${Buffer.from(internalId).toString('base64')}`, name };
  world.groups.push(group);
  return group;
}

function makeChat(world: World, person: Person, group: Group | undefined): PersonChat {
  const place: Fields = group
    ? { groupInfo: { groupId: group.internalId, groupName: group.name, revision: 1, type: 'DELIVER' } }
    : {};
  const deliver = (timestamp: number, fields: Fields): number => {
    world.deliver(envelopeOf(world, person, timestamp, fields));
    return timestamp;
  };
  const data = (timestamp: number, fields: Fields): Fields => ({
    timestamp,
    message: null,
    expiresInSeconds: 0,
    isExpirationUpdate: false,
    viewOnce: false,
    ...fields,
    ...place,
  });
  const send = (fields: Fields): number => {
    const timestamp = world.nextTimestamp();
    return deliver(timestamp, { dataMessage: data(timestamp, fields) });
  };
  return {
    send,
    write: (text, options = {}) => send(writeFields(world, text, options)),
    edit(target, text) {
      const timestamp = world.nextTimestamp();
      const editMessage = { targetSentTimestamp: target, dataMessage: data(timestamp, { message: text }) };
      return deliver(timestamp, { editMessage });
    },
    remove: (timestamp) => send({ remoteDelete: { timestamp } }),
  };
}

function writeFields(world: World, text: string, { mention, quote, files, more }: WriteOptions): Fields {
  const self = { name: world.number, number: world.number, uuid: world.uuid };
  return {
    message: mention ? `\ufffc ${text}` : text === '' ? null : text,
    ...(mention && { mentions: [{ ...self, start: 0, length: 1 }] }),
    ...(quote && { quote: quoteOf(world, quote) }),
    ...(files && { attachments: files.map((file) => keepFile(world, file)) }),
    ...more,
  };
}

function quoteOf(world: World, { timestamp, author, text }: NonNullable<WriteOptions['quote']>): Fields {
  const { number, uuid } = author === 'account' ? world : author;
  const ours = world.sent.find((message) => message.timestamp === timestamp)?.text;
  return {
    id: timestamp,
    author: number,
    authorNumber: number,
    authorUuid: uuid,
    text: text ?? ours ?? '',
    attachments: [],
  };
}

function keepFile(world: World, file: SentFile): Fields {
  const id = `${randomBytes(10).toString('base64url')}.${file.mime.split('/')[1] ?? 'bin'}`;
  world.attachments.set(id, file);
  return {
    contentType: file.mime,
    filename: file.name ?? null,
    id,
    size: file.bytes.length,
    width: null,
    height: null,
    caption: null,
    uploadTimestamp: 1,
  };
}

function envelopeOf(
  world: World,
  from: { number: string; uuid: string; name: string },
  timestamp: number,
  fields: Fields,
) {
  return {
    account: world.number,
    envelope: {
      source: from.number,
      sourceNumber: from.number,
      sourceUuid: from.uuid,
      sourceName: from.name,
      sourceDevice: 1,
      timestamp,
      serverReceivedTimestamp: timestamp + 1,
      serverDeliveredTimestamp: timestamp + 2,
      ...fields,
    },
  };
}

export function makePhone(world: World): Phone {
  const self = { number: world.number, uuid: world.uuid, name: 'The owner' };
  const sync = (timestamp: number, to: { number: string; uuid: string }, fields: Fields): number => {
    const sentMessage = {
      destination: to.number,
      destinationNumber: to.number,
      destinationUuid: to.uuid,
      ...fields,
    };
    world.deliver(envelopeOf(world, self, timestamp, { syncMessage: { sentMessage } }));
    return timestamp;
  };
  const data = (timestamp: number, fields: Fields): Fields => ({
    timestamp,
    message: null,
    expiresInSeconds: 0,
    isExpirationUpdate: false,
    viewOnce: false,
    ...fields,
  });
  return {
    noteToSelf(text, more = {}) {
      const timestamp = world.nextTimestamp();
      return sync(timestamp, self, data(timestamp, { message: text, ...more }));
    },
    editNoteToSelf(target, text) {
      const timestamp = world.nextTimestamp();
      const editMessage = { targetSentTimestamp: target, dataMessage: data(timestamp, { message: text }) };
      return sync(timestamp, self, { editMessage });
    },
    writeTo(person, text) {
      const timestamp = world.nextTimestamp();
      return sync(timestamp, person, data(timestamp, { message: text }));
    },
    echo: (message) => void sync(message.timestamp, self, data(message.timestamp, { message: message.text })),
  };
}
