// /extend: more room under a cap, for today.
import type { Command } from '../types.ts';

export const extend: Command = {
  name: 'extend',
  aliases: [],
  description: 'Raise a limit of the budget for today',
  usage: '[turn | space_day | person_day | day]',
  role: 'admin',
  duringTurn: true,
  once: true,
  run: async ({ agent, scope, args }) => ({ text: await agent.extendBudget(scope, args === '' ? 'person_day' : args) }),
};
