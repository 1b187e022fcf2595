// A gateway with two people who have used it for six weeks: browsers join by a link, programs by a key.
import fs from 'node:fs';
import { makeKey } from '../../adapters/http-api/keys.ts';
import { openData } from '../../data/db.ts';
import { takeWriterLock } from '../../data/lock.ts';
import { addIdentity } from '../../data/process/people.ts';
import { openPairing } from '../../pairing/pairing.ts';
import { accountId, userId } from '../../shared/ids.ts';
import { silentLog } from '../../shared/log.ts';
import type { Role } from '../../shared/messages.ts';
import { makePerson, makeSpeaker } from '../data/conversation.ts';
import { DAY_MS, STORY_DAYS, tellStory } from '../gateway/panels/story.ts';
import { makeFakeClock } from '../support/fake-clock.ts';
import { makeHome, startGatewayProcess, type GatewayProcess } from '../support/gateway-process.ts';

export interface Member {
  /** Stands in each text that is theirs. */
  mark: string;
  /** Joins a browser, once. */
  link: string;
  key: string;
}

export interface PanelGateway {
  gateway: GatewayProcess;
  owner: Member;
  guest: Member;
  other: Member;
  close(): Promise<void>;
}

export async function openPanelGateway(): Promise<PanelGateway> {
  const home = makeHome();
  const members = await fill(home);
  const gateway = await startGatewayProcess({ home });
  return {
    gateway,
    ...members,
    async close() {
      await gateway.kill('SIGTERM');
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
}

async function fill(home: string) {
  const end = Date.now();
  const lock = takeWriterLock(home, { pid: process.pid, startedAt: end, purpose: 'test' });
  const clock = makeFakeClock(end - STORY_DAYS * DAY_MS - 1_000);
  const data = await openData({ home, clock, syncFile: async () => undefined });
  const { db } = data;
  const pairing = openPairing({ db, clock, log: silentLog });
  const join = async (name: string, role: Role) => {
    const person = await makePerson(db, name, role);
    const speaker = await makeSpeaker(db, person);
    const { key, user } = makeKey();
    await addIdentity(db, {
      platform: 'http-api',
      account: accountId('default'),
      user,
      person: person.id,
      name: 'API',
    });
    return { person, speaker, key, mark: `${name}s-mark` };
  };
  try {
    const people = [await join('ann', 'owner'), await join('bob', 'member'), await join('guy', 'guest')] as const;
    await tellStory(db, clock, people[0].speaker, people[0].mark);
    const members = [];
    for (const { person, key, mark } of people) {
      const from = { platform: 'pigeon', account: accountId('bot'), user: userId(person.name) };
      members.push({ key, mark, link: (await pairing.createLinkCode(person.id, from)).code });
    }
    const [owner, other, guest] = members;
    if (!owner || !other || !guest) throw new Error('nobody joined');
    return { owner, other, guest };
  } finally {
    await data.close();
    lock.release();
  }
}
