// How the agent reaches the chats of its person: which there are, sending to them, news, and asking for leave.
import type { AgentPorts } from '../../../agent/parts.ts';
import type { ProcessDb } from '../../../data/db.ts';
import { getChat, listDmChats } from '../../../data/process/chats.ts';
import { getPersonSettings } from '../../../data/process/person-settings.ts';
import type { Clock } from '../../../shared/clock.ts';
import type { Core } from '../../core.ts';
import { askForApproval } from '../approvals.ts';

type ChatPorts = Pick<
  AgentPorts,
  'listOwnChats' | 'sendMessage' | 'notify' | 'requestApproval' | 'timezoneOf' | 'chatSkillsOf'
>;

export function makeChatPorts({ db, clock, core }: { db: ProcessDb; clock: Clock; core(): Core }): ChatPorts {
  return {
    async listOwnChats(scope) {
      const chats = await listDmChats(db, scope.person);
      const reachable = chats.filter(({ address }) => core().platforms.find(address));
      return Promise.all(
        reachable.map(async ({ address }) => ({
          address,
          title: (await getChat(db, address))?.title || address.platform,
        })),
      );
    },
    async sendMessage({ to, text, key, scope }) {
      await core().actions.post(to, text, { key, person: scope.person, kind: 'message' });
    },
    timezoneOf: async ({ person }) => (await getPersonSettings(db, person)).timezone,
    chatSkillsOf: async (address) => (await getChat(db, address))?.settings.skills,
    notify: ({ scope, ...event }) => core().actions.notify({ ...event, person: scope.person }),
    requestApproval: (approval, reason, signal) =>
      askForApproval({ db, clock, actions: core().actions }, approval, reason, signal),
  };
}
