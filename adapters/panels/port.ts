// What pages and APIs may show and change for one person, in that person's own private space: plain data, nothing of the core. All methods
// reject with AppError: `bad_input`, `not_found`, `not_allowed`, `tool_unavailable`. All times are ms since the epoch.

/** What the person may use here; each part that is missing is not there for them. */
export interface PanelPort {
  jobs?: JobsPanel | undefined;
  memory?: MemoryPanel | undefined;
  skills?: SkillsPanel | undefined;
  profile: ProfilePanel;
  /** Today and the days before it, 1 to 90. */
  insights(days: number): Promise<InsightsView>;
}

export interface RunView {
  id: string;
  job: string;
  scheduledAt: number;
  cause: 'schedule' | 'manual' | 'trigger';
  state: 'planned' | 'claimed' | 'running' | 'done' | 'failed' | 'interrupted' | 'skipped' | 'missed';
  delivery: 'none' | 'pending' | 'sent' | 'uncertain' | 'failed' | 'silent';
  /** Why it was skipped, missed, or failed. */
  reason?: string | undefined;
  attempts: number;
  /** Foreign text. */
  result?: string | undefined;
  costMicroUsd: number;
  tokens: number;
  startedAt?: number | undefined;
  endedAt?: number | undefined;
}

export interface JobView {
  id: string;
  name: string;
  /** broken: it cannot be read as it is stored; it can only be removed. */
  state: 'active' | 'paused' | 'done' | 'removed' | 'broken';
  stateReason?: string | undefined;
  /** As the person said it. */
  when: string;
  /** IANA name. */
  timezone: string;
  kind: 'prompt' | 'reminder' | 'script' | 'builtin' | 'unknown';
  /** What it says or does. */
  about: string;
  /** In a row. */
  failures: number;
  createdAt: number;
  nextRunAt?: number | undefined;
  lastRun?: RunView | undefined;
}

/** How a job is read back before and after it is made. */
export interface PlanView {
  name: string;
  when: string;
  /** The next three. */
  nextRuns: readonly number[];
  /** The same in words, in the job's own time zone. */
  nextRunTexts: readonly string[];
  targets: readonly string[];
  /** What it does and may do, one line each. */
  may: readonly string[];
  capMicroUsd?: number | undefined;
  warnings: readonly string[];
}

/** In the words of a person; exactly one of `prompt` and `reminder`. */
export interface JobInput {
  name?: string | undefined;
  when: string;
  prompt?: string | undefined;
  reminder?: string | undefined;
  /** `origin`, `<platform>`, `<platform>:<chat>`, `#group`, `all`, `last-active`, `none`; several with commas. Default: `origin`. */
  deliver?: string | undefined;
  /** IANA name; what the person has chosen for themselves comes first. */
  timezone?: string | undefined;
  /** US dollars of one run. */
  capUsd?: number | undefined;
  /** The same key makes one job, however often it is sent. */
  key?: string | undefined;
}

export type JobChangeInput = Omit<JobInput, 'key' | 'when'> & { when?: string | undefined };

export interface CalendarView {
  job: string;
  name: string;
  at: number;
  /** False: foreseen by its schedule. */
  isPlanned: boolean;
}

/** Jobs are named by id or name. */
export interface JobsPanel {
  list(): Promise<readonly JobView[]>;
  get(job: string): Promise<{ job: JobView; plan: PlanView }>;
  /** What `create` would make; changes nothing. */
  preview(input: JobInput): Promise<PlanView>;
  create(input: JobInput): Promise<{ job: JobView; plan: PlanView }>;
  /** What is not named stays as it is. */
  change(job: string, change: JobChangeInput): Promise<{ job: JobView; plan: PlanView }>;
  pause(job: string): Promise<JobView>;
  resume(job: string): Promise<JobView>;
  /** Its history stays. */
  remove(job: string): Promise<JobView>;
  /** Beside the schedule, at once. */
  runNow(job: string): Promise<RunView>;
  /** Latest first, 1 to 100; of one job, or of all. */
  runs(filter: { job?: string | undefined; limit: number }): Promise<readonly RunView[]>;
  /** By time; at most 500, and at most 366 days. */
  calendar(from: number, to: number): Promise<readonly CalendarView[]>;
}

export interface ShareView {
  name: string;
  calls: number;
  tokens: number;
  microUsd: number;
}

export interface InsightsView {
  timezone: string;
  /** Oldest first; `start` is midnight there. */
  days: readonly { start: number; calls: number; tokens: number; microUsd: number }[];
  models: readonly ShareView[];
  causes: readonly ShareView[];
  /** `unpriced`: calls whose price nobody knows. */
  total: { calls: number; tokens: number; microUsd: number; cachedShare: number; unpriced: number };
  answers: number;
  failed: number;
  conversations: number;
  tools: readonly { name: string; calls: number; failed: number }[];
  /** `state`: how they ended. */
  runs: readonly { job: string; state: string; runs: number; microUsd: number }[];
  learned: { skills: readonly { skill: string; state: string }[]; memories: number };
}

export interface MemoryItem {
  id: number;
  /** memory: of the work · user: of the person. */
  target: 'memory' | 'user';
  /** '' where it is blocked. May be words of others. */
  text: string;
  /** Why it is not in use. */
  blocked?: string | undefined;
  author: 'person' | 'agent' | 'review' | 'file';
  isForeign: boolean;
  createdAt: number;
}

export interface MemoryView {
  /** In each prompt. */
  core: readonly MemoryItem[];
  /** Waits for the person. */
  pending: readonly MemoryItem[];
  usage: readonly { target: 'memory' | 'user'; percent: number; text: string }[];
  /** How many more are only searched. */
  archived: number;
}

export interface MemoryPanel {
  view(): Promise<MemoryView>;
  /** Ids that do not wait reject with `not_found`. */
  approve(id: number): Promise<{ refused?: string | undefined }>;
  reject(id: number): Promise<void>;
  /** For good, with all versions. */
  forget(id: number): Promise<void>;
}

export interface ClaimView {
  id: number;
  kind: string;
  text: string;
  /** 0 to 1; between low and high with a probability of 90 %. */
  confidence: { mean: number; low: number; high: number };
  isDoubtful: boolean;
  /** The person's own word. */
  isFixed: boolean;
  seenAt: number;
}

export interface ClaimEvidence {
  side: 'for' | 'against';
  source: 'said' | 'corrected';
  quote: string;
  platform?: string | undefined;
  saidAt: number;
}

export interface ProfilePanel {
  /** Surest first; without those that do not hold any more. */
  claims(): Promise<readonly ClaimView[]>;
  why(id: number): Promise<readonly ClaimEvidence[]>;
  /** It is not so, or it is as `right` says. */
  wrong(id: number, right: string | undefined): Promise<void>;
  forget(id: number): Promise<void>;
}

export interface SkillView {
  name: string;
  description: string;
  source: 'builtin' | 'installed' | 'shared' | 'own';
  isTrusted: boolean;
  isTrial: boolean;
  isFrozen: boolean;
  isPinned: boolean;
  isArchived: boolean;
  /** How many changes wait for the person. */
  proposed: number;
}

export interface RevisionView {
  id: string;
  /** From 1. */
  number: number;
  state: 'proposed' | 'trial' | 'active' | 'superseded' | 'rolled_back' | 'rejected' | 'archived';
  author: 'person' | 'agent' | 'review' | 'hub';
  reason: string;
  isDeletion: boolean;
  /** It was written after words of others were read. */
  isForeign: boolean;
  /** What the guard found in it; '' for nothing. */
  findings: string;
  createdAt: number;
  decidedAt?: number | undefined;
}

/** A share from 0 to 1, which lies between low and high 95 times in 100. */
export interface ShareInterval {
  value: number;
  low: number;
  high: number;
}

/** What the turns say of one revision. */
export interface RevisionEvidence {
  /** 0: as it came, before anything was changed here. */
  number: number;
  state: RevisionView['state'];
  uses: number;
  without: number;
  successWith?: ShareInterval | undefined;
  successWithout?: ShareInterval | undefined;
  verdict?: string | undefined;
  /** When it was in force; `until` is missing for what still is. */
  from: number;
  until?: number | undefined;
}

export interface SkillPoint {
  /** Start of the week. */
  at: number;
  withSkill: { turns: number; successes: number };
  without: { turns: number; successes: number };
}

export interface SkillsPanel {
  list(): Promise<readonly SkillView[]>;
  /** Latest first. */
  revisions(name: string): Promise<readonly RevisionView[]>;
  /** Unified diff against what it changes; at most 200,000 characters. */
  diff(revision: string): Promise<string>;
  evidence(name: string): Promise<{ revisions: readonly RevisionEvidence[]; series: readonly SkillPoint[] }>;
  /** A proposal holds at once, or for half of the conversations until it is clear whether it helps. */
  approve(revision: string, as: 'active' | 'trial'): Promise<void>;
  reject(revision: string): Promise<void>;
  /** `to` undefined: the skill as it came. */
  rollback(name: string, to: string | undefined): Promise<void>;
  mark(name: string, marks: { frozen?: boolean | undefined; pinned?: boolean | undefined }): Promise<void>;
}
