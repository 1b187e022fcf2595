// The measurements of one subject, in their order: starts, rest, one message at a time, all chats at once, memory.
import { setTimeout as wait } from 'node:timers/promises';
import type { TalkRequest } from './chat-load.ts';
import { end, readCpuSeconds, readRssMb, type ChatLoad } from './child-processes.ts';
import type { Subject } from './subjects.ts';

const STARTS = 3;
const CHATS = 20;
/** V8 gives back what a start took after some seconds of rest. */
const REST_MS = 8_000;
/** What a flood of messages took is given back after this, by whoever gives it back. */
const QUIET_MS = 5_000;
/** Messages of each part, and how long a slow machine may take for it. */
const WARM_UP = { total: 40, together: false, maxMs: 8_000 };
const ONE_BY_ONE = { total: 200, together: false, maxMs: 12_000 };
const TOGETHER = { total: 260, together: true, maxMs: 12_000 };
const LONGER = { total: 1_000, together: true, maxMs: 14_000 };
/** By then code is compiled, histories are in memory, and the heap has its size: what still grows here grows for ever. */
const LAST = LONGER;

/** How many people write. */
export const USERS = CHATS;

export interface Measures {
  /** First start, with an empty database. */
  firstReadyMs: number;
  /** Median of the later starts. */
  readyMs: number;
  idleRssMb: number;
  /** CPU time while nothing happens, as a share of one core. */
  idleCpuShare: number;
  /** From the update being there to the sendMessage of its answer, one message at a time. */
  latencyP50Ms: number;
  latencyP95Ms: number;
  /** One message at a time. */
  cpuMsPerMessage: number;
  /** All chats at once. */
  cpuMsPerMessageTogether: number;
  messagesPerSecond: number;
  /** 500, unless the machine was too slow. */
  messagesFirst: number;
  rssAfterFirstMb: number;
  /** Messages after those: 1,000, unless the machine was too slow. */
  messagesMore: number;
  rssAfterMoreMb: number;
  /** As many again. */
  messagesLast: number;
  rssAtEndMb: number;
}

/** Leaves the subject ended. */
export async function measure(subject: Subject, chat: ChatLoad): Promise<Measures> {
  const readies: number[] = [];
  let running = await subject();
  readies.push(running.readyMs);
  while (readies.length < STARTS) {
    await end(running.child);
    running = await subject();
    readies.push(running.readyMs);
  }
  const { pid } = running;
  const talk = async (part: Omit<TalkRequest, 'chats'>) => {
    const cpuBefore = readCpuSeconds(pid);
    const { latenciesMs, elapsedMs } = await chat.talk({ ...part, chats: CHATS });
    // What follows an answer belongs to it: rows that are marked as sent.
    await wait(100);
    const count = latenciesMs.length;
    const cpuMs = ((readCpuSeconds(pid) - cpuBefore) * 1000) / count;
    return { latenciesMs, count, cpuMs, perSecond: count / (elapsedMs / 1000) };
  };
  await wait(REST_MS / 2);
  const cpuAtRest = readCpuSeconds(pid);
  await wait(REST_MS);
  const idleCpuShare = (readCpuSeconds(pid) - cpuAtRest) / (REST_MS / 1000);
  const idleRssMb = readRssMb(pid);
  const warmUp = await talk(WARM_UP);
  const single = await talk(ONE_BY_ONE);
  const first = await talk(TOGETHER);
  await wait(QUIET_MS);
  const rssAfterFirstMb = readRssMb(pid);
  const longer = await talk(LONGER);
  await wait(QUIET_MS);
  const rssAfterMoreMb = readRssMb(pid);
  const last = await talk(LAST);
  await wait(QUIET_MS);
  const rssAtEndMb = readRssMb(pid);
  await end(running.child);
  return {
    firstReadyMs: readies[0] ?? 0,
    readyMs: percentile(readies.slice(1), 0.5),
    idleRssMb,
    idleCpuShare,
    latencyP50Ms: percentile(single.latenciesMs, 0.5),
    latencyP95Ms: percentile(single.latenciesMs, 0.95),
    cpuMsPerMessage: single.cpuMs,
    cpuMsPerMessageTogether: longer.cpuMs,
    messagesPerSecond: longer.perSecond,
    messagesFirst: warmUp.count + single.count + first.count,
    rssAfterFirstMb,
    messagesMore: longer.count,
    rssAfterMoreMb,
    messagesLast: last.count,
    rssAtEndMb,
  };
}

/** The value below which `share` of them lie (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
