// All slash commands, in the order in which /help and the platforms' menus show them.
import { agents } from './hands/agents.ts';
import { context } from './hands/context.ts';
import { extend } from './hands/extend.ts';
import { rollback } from './hands/rollback.ts';
import { rules } from './hands/rules.ts';
import { tools } from './hands/tools.ts';
import { insights } from './learning/insights.ts';
import { cron } from './schedule/cron.ts';
import { background } from './schedule/background.ts';
import { goal } from './schedule/goal.ts';
import { heartbeat } from './schedule/heartbeat.ts';
import { suggestions } from './schedule/suggestions.ts';
import { timezone } from './schedule/timezone.ts';
import { memory } from './learning/memory.ts';
import { skills } from './learning/skills.ts';
import { approve } from './approve.ts';
import { chat } from './chat.ts';
import { compress } from './compress.ts';
import { continueHere } from './continue.ts';
import { deny } from './deny.ts';
import { handoff } from './handoff.ts';
import { help } from './help.ts';
import { here } from './here.ts';
import { link } from './link.ts';
import { model } from './model.ts';
import { newConversation } from './new.ts';
import { pair } from './pair.ts';
import { personality } from './personality.ts';
import { queue } from './queue.ts';
import { resend } from './resend.ts';
import { restart } from './restart.ts';
import { resume } from './resume.ts';
import { retry } from './retry.ts';
import { save } from './save.ts';
import { sessions } from './sessions.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { stop } from './stop.ts';
import { title } from './title.ts';
import type { Command } from './types.ts';
import { undo } from './undo.ts';
import { unified } from './unified.ts';
import { usage } from './usage.ts';
import { voice } from './voice.ts';
import { whoami } from './whoami.ts';

export const commands: readonly Command[] = [
  help,
  newConversation,
  stop,
  status,
  retry,
  undo,
  rollback,
  queue,
  title,
  sessions,
  resume,
  save,
  compress,
  context,
  model,
  personality,
  voice,
  tools,
  chat,
  here,
  handoff,
  continueHere,
  unified,
  usage,
  insights,
  cron,
  background,
  goal,
  heartbeat,
  suggestions,
  timezone,
  extend,
  approve,
  deny,
  rules,
  agents,
  memory,
  skills,
  whoami,
  link,
  pair,
  restart,
  resend,
  start,
];
