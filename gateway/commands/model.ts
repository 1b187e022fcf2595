// /model: which model answers in this conversation.
import { asAppError } from '../../shared/errors.ts';
import type { ModelInfo } from '../../agent/port.ts';
import { adjustSession } from './current-session.ts';
import { code, commandButtons, plain } from './format.ts';
import type { Command, CommandContext, CommandReply } from './types.ts';

const LISTED = 30;
const BUTTONS = 8;

export const model: Command = {
  name: 'model',
  aliases: ['models'],
  description: 'Show the models, or choose one for this conversation',
  usage: '[name|default]',
  role: 'guest',
  duringTurn: true,
  async run(context) {
    if (context.args === '') return list(context);
    const { agent } = context;
    const back = context.args.toLowerCase() === 'default';
    const name = back ? null : agent.resolveModel(context.args);
    await adjustSession(context, { model: name });
    const from = context.gateway.isRunning(context.session.id) ? ' from the next answer on' : '';
    return {
      text: back
        ? `Back to the default model, ${code(agent.describeModel().name)}${from}.`
        : `${code(name ?? '')} answers in this conversation now${from}. \`/model default\` goes back.`,
    };
  },
};

async function list(context: CommandContext): Promise<CommandReply> {
  const chosen = context.session.model;
  const inUse = context.agent.describeModel();
  const now =
    chosen === undefined ? `${code(inUse.name)} (the default)` : `${code(chosen)} (chosen for this conversation)`;
  const demo =
    chosen === undefined && inUse.demo ? ' That is the built-in demo, no real model: `herald setup` sets one up.' : '';
  const head = `In use: ${now}.${demo}`;
  const known = await knownModels(context);
  if (typeof known === 'string') return { text: `${head}\n\nThe list of models could not be had: ${known}` };
  const isNow = (each: ModelInfo) => (chosen === undefined ? each.current : isNamed(each, chosen));
  const lines = known
    .slice(0, LISTED)
    .map((each) => `- ${code(each.name)} (${plain(each.provider, 40)})${isNow(each) ? ' ← in use' : ''}`);
  const more = known.length > LISTED ? `\n- … and ${known.length - LISTED} more` : '';
  const choices = known
    .filter((each) => !isNow(each))
    .map((each) => ({ label: each.name, command: `/model ${each.name}` }));
  if (chosen !== undefined) choices.unshift({ label: 'Default', command: '/model default' });
  return {
    text: `${head}\n\n${lines.join('\n')}${more}\n\n\`/model name\` chooses one for this conversation.`,
    buttons: commandButtons(choices.slice(0, BUTTONS), 2),
  };
}

/** The models, or why they cannot be listed now. */
async function knownModels({ agent, signal }: CommandContext): Promise<readonly ModelInfo[] | string> {
  try {
    return await agent.models(signal);
  } catch (error) {
    return asAppError(error).publicMessage;
  }
}

function isNamed(each: ModelInfo, chosen: string): boolean {
  return each.name === chosen || `${each.provider}/${each.name}` === chosen;
}
