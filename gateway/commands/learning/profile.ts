// What /whoami says of the model of the person, why it says so, and how the person sets it right. Their word wins for good.
import {
  addOwnClaim,
  correctClaim,
  forgetClaim,
  getClaim,
  listClaims,
  MAX_CLAIM_CHARS,
  type Claim,
  type Evidence,
} from '../../../data/profile/claims.ts';
import { isGroupScope } from '../../../data/scope.ts';
import { AppError } from '../../../shared/errors.ts';
import { ago, plain } from '../format.ts';
import type { CommandContext, CommandReply } from '../types.ts';

const SHOWN = 30;
const QUOTES = 8;
const USAGE =
  '`/whoami why <number>` shows why I think so, `/whoami wrong <number> [right words]` corrects it, `/whoami forget <number>` deletes it, ' +
  '`/whoami add <words>` tells me something.';

/** The list under /whoami; '' in a group, where nobody's business is shown. */
export async function profileText({ db, scope, clock }: CommandContext): Promise<string> {
  if (isGroupScope(scope)) return '';
  const claims = (await listClaims(db, scope)).filter(({ state }) => state === 'active' || state === 'doubtful');
  if (claims.length === 0)
    return `**What I know of you**: nothing yet. I learn it from what you say; \`/whoami add <words>\` tells me something.`;
  const lines = claims.slice(0, SHOWN).map((claim) => `- \`${claim.id}\` ${claimLine(claim, clock.now())}`);
  const more = claims.length > SHOWN ? `\n\n… and ${claims.length - SHOWN} less sure ones.` : '';
  return `**What I know of you**, surest first:\n\n${lines.join('\n')}${more}\n\n${USAGE}`;
}

/** What follows the name of the command; undefined when it is none of these. */
export async function runProfile(context: CommandContext): Promise<CommandReply | undefined> {
  const [, verb = '', rest = ''] = /^(\S+)\s*([\s\S]*)$/.exec(context.args) ?? [];
  const name = verb.toLowerCase();
  const act = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (!act) return undefined;
  if (isGroupScope(context.scope))
    throw new AppError(
      'not_allowed',
      'What I know of you is for you alone: ask me in a direct message. Nothing was changed.',
    );
  return act(context, rest.trim());
}

const ACTIONS: Readonly<Record<string, (context: CommandContext, rest: string) => Promise<CommandReply>>> = {
  why,
  wrong,
  correct: wrong,
  forget,
  add,
};

async function why(context: CommandContext, rest: string): Promise<CommandReply> {
  const { claim, evidence } = await findClaim(context, rest);
  const now = context.clock.now();
  const shown = evidence.slice(0, QUOTES).map((one) => `- ${evidenceLine(one, now)}`);
  const more = evidence.length > QUOTES ? `\n- … and ${evidence.length - QUOTES} more` : '';
  return {
    text: `\`${claim.id}\` ${claimLine(claim, now)}\n\n${shown.join('\n')}${more}`,
    buttons: [
      [
        { label: 'That is wrong', data: `/whoami wrong ${claim.id}` },
        { label: 'Forget it', data: `/whoami forget ${claim.id}` },
      ],
    ],
  };
}

async function wrong(context: CommandContext, rest: string): Promise<CommandReply> {
  const { claim } = await findClaim(context, rest);
  const right = rest.replace(/^\S+\s*/, '').trim();
  const words = right === '' ? undefined : checkWords(right);
  if (!(await correctClaim(context.db, context.scope, claim.id, words))) throw missing(rest);
  const instead = words === undefined ? 'I will not think so again.' : `It is: “${plain(words, MAX_CLAIM_CHARS)}”.`;
  return { text: `Not true any more: “${plain(claim.text, MAX_CLAIM_CHARS)}”. ${instead} Only you can change that.` };
}

async function forget(context: CommandContext, rest: string): Promise<CommandReply> {
  const { claim } = await findClaim(context, rest);
  if (!(await forgetClaim(context.db, context.scope, claim.id))) throw missing(rest);
  return {
    text: 'Forgotten, with all that it came from. What you said in conversations stays there; `/sessions` finds it.',
  };
}

async function add({ db, scope }: CommandContext, rest: string): Promise<CommandReply> {
  const words = checkWords(rest);
  const id = await addOwnClaim(db, scope, { kind: 'fact', text: words });
  if (id === undefined) throw new AppError('bad_input', 'There are no words in that. Nothing was changed.');
  return { text: `I will keep in mind: “${plain(words, MAX_CLAIM_CHARS)}” (\`${id}\`).` };
}

function checkWords(words: string): string {
  const length = [...words].length;
  if (words === '')
    throw new AppError('bad_input', 'Say what I should know: `/whoami add <words>`. Nothing was changed.');
  if (length > MAX_CLAIM_CHARS)
    throw new AppError(
      'bad_input',
      `That is ${length} characters; at most ${MAX_CLAIM_CHARS} fit. Nothing was changed.`,
    );
  return words;
}

async function findClaim({ db, scope }: CommandContext, rest: string) {
  const [number = ''] = rest.split(/\s+/);
  const found = /^\d{1,9}$/.test(number) ? await getClaim(db, scope, Number(number)) : undefined;
  if (!found) throw missing(number);
  return found;
}

function missing(number: string): AppError {
  return new AppError(
    'not_found',
    `I know nothing of you under ${number === '' ? 'no number' : `“${plain(number, 20)}”`}. \`/whoami\` shows the numbers. Nothing was changed.`,
  );
}

function claimLine(claim: Claim, now: number): string {
  return `${plain(claim.text, MAX_CLAIM_CHARS)} (${claim.kind}, ${sureness(claim)}, last heard ${ago(claim.seenAt, now)})`;
}

function sureness({ isFixed, state, confidence }: Claim): string {
  if (state === 'corrected') return 'you said that it is wrong';
  if (isFixed) return 'your own word';
  const percent = (share: number) => Math.round(share * 100);
  const range = `${percent(confidence.mean)} %, between ${percent(confidence.low)} and ${percent(confidence.high)}`;
  return state === 'active' ? range : `${state}, ${range}`;
}

function evidenceLine({ side, source, quote, platform, saidAt }: Evidence, now: number): string {
  const where =
    source === 'corrected' ? 'you told me' : `you said${platform === undefined ? '' : ` on ${plain(platform, 30)}`}`;
  return `${side === 'for' ? 'For' : 'Against'}: “${plain(quote, MAX_CLAIM_CHARS)}”, ${where} ${ago(saidAt, now)}`;
}
