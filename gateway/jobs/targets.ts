// Where results go: read from words when a job is made, and resolved to chats when one is sent. Only chats of the job's own person, and
// groups in which they have spoken.
import type { ProcessDb } from '../../data/db.ts';
import { getChat, listDmChats } from '../../data/process/chats.ts';
import { findChats, hasSpokenIn } from '../../data/process/schedule/reach.ts';
import type { Delivery, DeliveryTarget, Job } from '../../scheduler/types.ts';
import { AppError } from '../../shared/errors.ts';
import type { PersonId } from '../../shared/ids.ts';
import { addressKey, type Address } from '../../shared/messages.ts';
import { newsAddress } from '../chats/news.ts';

/** What a target's resolution needs of its job. */
export type TargetOwner = Pick<Job, 'person' | 'origin'>;

export interface Targets {
  /** Rejects with AppError `bad_input` or `not_allowed`. */
  parse(owner: TargetOwner, words: string, fallback: string | undefined): Promise<Delivery>;
  /** Chats to send to, each once; none when nothing of it can be reached. */
  resolve(owner: TargetOwner, targets: readonly DeliveryTarget[]): Promise<readonly Address[]>;
  /** Where the person hears what they must know; targets need an origin. */
  noticeAddress(
    owner: Pick<TargetOwner, 'person'> & Partial<TargetOwner>,
    targets: readonly DeliveryTarget[],
  ): Promise<Address | undefined>;
  /** In words, from where the job is made. */
  describe(owner: TargetOwner, target: DeliveryTarget): Promise<string>;
}

export interface TargetPorts {
  db: ProcessDb;
  /** Whether a platform account is set up. */
  isSetUp(at: Address): boolean;
  /** Ids of platforms that are set up. */
  platforms(): readonly string[];
}

export function makeTargets(ports: TargetPorts): Targets {
  const { db } = ports;

  async function mayReach(person: PersonId, at: Address): Promise<boolean> {
    if (!ports.isSetUp(at)) return false;
    if (at.kind === 'group') return hasSpokenIn(db, person, at);
    const own = await listDmChats(db, person);
    return own.some(({ address }) => isSameChat(address, at));
  }

  async function resolveOne({ person, origin }: TargetOwner, target: DeliveryTarget): Promise<readonly Address[]> {
    switch (target.kind) {
      case 'origin':
        return (await mayReach(person, origin)) ? [origin] : [];
      case 'chat':
        return (await mayReach(person, target.address)) ? [target.address] : [];
      case 'platform': {
        const chats = await listDmChats(db, person);
        const found = chats.find(({ address }) => address.platform === target.platform && ports.isSetUp(address));
        return found ? [found.address] : [];
      }
      case 'name':
        return ownGroups(person, target.name);
      case 'all':
        return (await listDmChats(db, person)).map(({ address }) => address).filter((at) => ports.isSetUp(at));
      case 'last-active':
        return lastActive(person);
    }
  }

  async function lastActive(person: PersonId): Promise<readonly Address[]> {
    const at = await newsAddress(db, person);
    return at && ports.isSetUp(at) ? [at] : [];
  }

  async function ownGroups(person: PersonId, name: string): Promise<readonly Address[]> {
    for (const { address } of await findChats(db, { title: name }))
      if (await mayReach(person, address)) return [address];
    return [];
  }

  async function resolve(owner: TargetOwner, targets: readonly DeliveryTarget[]): Promise<readonly Address[]> {
    const found = new Map<string, Address>();
    for (const target of targets)
      for (const address of await resolveOne(owner, target)) found.set(addressKey(address), address);
    return [...found.values()];
  }

  async function parseOne(owner: TargetOwner, words: string): Promise<DeliveryTarget> {
    const said = words.trim();
    if (said === 'origin' || said === 'here') return { kind: 'origin' };
    if (said === 'all') return { kind: 'all' };
    if (said === 'last-active') return { kind: 'last-active' };
    if (said.startsWith('#')) return known(owner, { kind: 'name', name: said.slice(1).trim() }, said);
    const [platform = '', chat, thread] = said.split(':');
    if (!ports.platforms().includes(platform))
      throw new AppError(
        'bad_input',
        `"${said.slice(0, 60)}" is no place that results can go to. There are: origin, last-active, all, #group, ${ports.platforms().join(', ')}, or a platform with a chat as in platform:chat.`,
      );
    if (chat === undefined) return known(owner, { kind: 'platform', platform }, said);
    const chats = await findChats(db, { platform, chat });
    const found = chats.find(({ address }) => (address.thread ?? '') === (thread ?? ''));
    if (!found) throw unreachable(said);
    return known(owner, { kind: 'chat', address: found.address }, said);
  }

  async function known(owner: TargetOwner, target: DeliveryTarget, said: string): Promise<DeliveryTarget> {
    if ((await resolveOne(owner, target)).length === 0) throw unreachable(said);
    return target;
  }

  return {
    resolve,
    async parse(owner, words, fallback) {
      const parts = words.split(',').filter((part) => part.trim() !== '');
      const targets: DeliveryTarget[] = [];
      for (const part of parts) if (part.trim() !== 'none') targets.push(await parseOne(owner, part));
      return {
        targets,
        ...(fallback === undefined ? {} : { fallback: await parseOne(owner, fallback) }),
      };
    },
    async noticeAddress({ person, origin: at }, targets) {
      const found = at ? await resolve({ person, origin: at }, targets) : [];
      const made = at ? await resolveOne({ person, origin: at }, { kind: 'origin' }) : [];
      const [origin] = made.length > 0 ? made : await lastActive(person);
      // What goes wrong is for the person, not for a group.
      return (
        found.find(({ kind }) => kind === 'dm') ?? (origin?.kind === 'dm' ? origin : undefined) ?? found[0] ?? origin
      );
    },
    async describe({ origin }, target) {
      switch (target.kind) {
        case 'origin':
          return origin.kind === 'group' ? 'this group' : 'here';
        case 'platform':
          return `your ${target.platform} chat`;
        case 'name':
          return `the group ${target.name}`;
        case 'all':
          return 'all of your chats';
        case 'last-active':
          return 'wherever you wrote last';
        case 'chat': {
          const title = (await getChat(db, target.address))?.title ?? '';
          const name = title === '' ? `${target.address.platform}:${target.address.chat}` : title;
          return target.address.kind === 'group'
            ? `the group ${name}`
            : `your ${target.address.platform} chat (${name})`;
        }
      }
    },
  };
}

function isSameChat(a: Address, b: Address): boolean {
  return a.platform === b.platform && a.account === b.account && a.chat === b.chat;
}

function unreachable(said: string): AppError {
  return new AppError(
    'not_allowed',
    `Results cannot go to "${said.slice(0, 60)}": it is no chat of yours, and no group in which you have spoken. Write something there first.`,
  );
}
