// /rules: standing rules in a person's own words, enforced outside of the conversation: nothing that is said or read can take one away.
import { addRule, listRules, removeRule } from '../../../data/policy/rules.ts';
import { AppError } from '../../../shared/errors.ts';
import { counted, plain } from '../format.ts';
import type { Command, CommandContext, CommandReply } from '../types.ts';

export const rules: Command = {
  name: 'rules',
  aliases: ['rule'],
  description: 'What I must always ask about, or never do',
  usage: '[add <words> | remove <number>]',
  role: 'member',
  duringTurn: true,
  once: true,
  async run(context) {
    const [verb = '', ...rest] = context.args.split(/\s+/);
    const words = context.args.slice(verb.length).trim();
    switch (verb.toLowerCase()) {
      case '':
      case 'list':
        return list(context);
      case 'add':
        return add(context, words);
      case 'remove':
      case 'delete':
        return remove(context, rest[0] ?? '');
      default:
        // "/rules ask before deleting mail" is what people type.
        return add(context, context.args);
    }
  },
};

async function list({ db, scope }: CommandContext): Promise<CommandReply> {
  const stored = await listRules(db, scope);
  if (stored.length === 0)
    return { text: 'There are no standing rules. `/rules add ask before deleting mail` makes one.' };
  const lines = stored.map(
    (rule, i) => `${i + 1}. ${rule.verdict === 'deny' ? 'Never' : 'Ask'}: “${plain(rule.words, 300)}”`,
  );
  return { text: `${lines.join('\n')}\n\n\`/rules remove <number>\` takes one back.` };
}

async function add({ db, scope, agent, session, signal }: CommandContext, words: string): Promise<CommandReply> {
  const { about, ...rule } = await agent.compileRule({ scope, session: session.id }, words, signal);
  const stored = await addRule(db, scope, rule);
  if (!stored)
    throw new AppError(
      'bad_input',
      'There are too many rules already. Take one back with `/rules remove <number>`; nothing was added.',
    );
  const what = rule.verdict === 'deny' ? 'I will not make' : 'I will ask before';
  return { text: `From now on ${what} calls with ${plain(about, 600)}.` };
}

async function remove({ db, scope }: CommandContext, which: string): Promise<CommandReply> {
  const stored = await listRules(db, scope);
  const rule = /^\d+$/.test(which) ? stored[Number(which) - 1] : undefined;
  if (!rule)
    throw new AppError(
      'not_found',
      `There is no rule ${plain(which) || 'without a number'}; there ${stored.length === 1 ? 'is' : 'are'} ${counted(stored.length, 'rule')}. Nothing was changed.`,
    );
  if (!(await removeRule(db, scope, rule.id)))
    throw new AppError('not_allowed', 'Only the person who made this rule can take it back. It still holds.');
  return { text: `No longer: “${plain(rule.words, 300)}”.` };
}
