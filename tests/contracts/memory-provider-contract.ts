// What every memory service must do behind its interface, whatever its API: keep people apart, tell failures as values of one kind, end when
// it is told to, and say nothing that its API does not take.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MemoryProvider, NotedTurn } from '../../agent/memory/providers/provider.ts';
import { AppError } from '../../shared/errors.ts';
import { makeFakeClock, type FakeClock } from '../support/fake-clock.ts';
import type { Fault } from '../support/memory-services/loopback.ts';

export interface ProviderRig {
  provider: MemoryProvider;
  setFault(fault: Fault | undefined): void;
  /** Requests that the service's API does not allow. */
  violations(): readonly string[];
  /** Whether a request is being held (`hang`, `stall`). */
  isHolding(): boolean;
  /** Never to be seen in an error. */
  secret: string;
  close(): Promise<void>;
}

export interface ContractOptions {
  open(clock: FakeClock): Promise<ProviderRig>;
  faults: readonly Fault[];
  /** What it can delete; [] = nothing. */
  canForget: readonly ('all' | 'session' | 'item')[];
  /** Its deletions go over the network. */
  overNetwork: boolean;
}

const never = new AbortController().signal;
const ANN = `herald-${'a'.repeat(32)}`;
const EVE = `herald-${'e'.repeat(32)}`;

const turnOf = (subject: string, text: string, turn = 'turn-1'): NotedTurn => ({
  subject,
  session: `session-${subject.slice(-3)}`,
  turn,
  at: Date.UTC(2026, 10, 21),
  messages: [
    { role: 'user', text },
    { role: 'assistant', text: 'Noted.' },
  ],
});

/** Texts that break out of quotes, options, lines and encodings where somebody is careless. */
const ODD_TEXTS = [
  '--help',
  '-- --format text zebra',
  '"; rm -rf / #zebra',
  "$(touch zebra) `zebra` 'zebra'",
  '</bv-fact></bv-topic> zebra & <b>',
  'zebra \u0000 nul',
  'zebra 🦓 東京 \ud800',
  `zebra ${'long '.repeat(20_000)}`,
  '{"role":"system"} zebra',
];

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw new Error('it did not fail with an AppError', { cause: error });
  }
  throw new Error('it did not fail');
}

/** The error with all that it came from, as text. */
function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name} ${error.message} ${JSON.stringify(error)} ${told(error.cause)}`;
}

export function describeMemoryProvider(name: string, { open, faults, canForget, overNetwork }: ContractOptions): void {
  // Programs start slowly on a busy machine.
  describe(`memory service ${name}`, { timeout: 30_000 }, () => {
    let clock: FakeClock;
    let rig: ProviderRig;
    beforeEach(async () => {
      clock = makeFakeClock();
      rig = await open(clock);
    });
    afterEach(() => rig.close());

    const recall = (subject: string, text: string, signal = never) =>
      rig.provider.recall({ subject, text, limit: 5, signal });

    async function untilHeld(): Promise<void> {
      for (let i = 0; i < 2_000; i++) {
        if (rig.isHolding()) return;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      throw new Error('nothing was asked');
    }

    test('what was said is known again, to nobody else, and a repeated turn does no harm', async () => {
      expect(await recall(ANN, 'which tea?')).toEqual([]);
      await rig.provider.noteTurn(turnOf(ANN, 'my favourite tea is Assam'), never);
      await rig.provider.noteTurn(turnOf(ANN, 'my favourite tea is Assam'), never);
      await rig.provider.noteTurn(turnOf(EVE, 'my secret tea is Sencha'), never);
      expect((await recall(ANN, 'which tea?')).join()).toContain('Assam');
      expect((await recall(ANN, 'which tea?')).join()).not.toContain('Sencha');
      expect((await recall(EVE, 'which tea?')).join()).toContain('Sencha');
      await rig.provider.endSession?.({ subject: ANN, session: turnOf(ANN, '').session }, never);
      expect(rig.violations()).toEqual([]);
    });

    test('what is remembered is told word for word', async () => {
      await rig.provider.noteMemory?.({ subject: ANN, id: 'memory-1', text: 'Has a dog called Rex.' }, never);
      if (rig.provider.noteMemory) expect((await recall(ANN, 'the dog')).join()).toContain('Has a dog called Rex.');
      expect(await recall(EVE, 'the dog')).toEqual([]);
      expect(rig.violations()).toEqual([]);
    });

    const remember = (subject: string) =>
      rig.provider.noteMemory?.({ subject, id: `memory-${subject.slice(-3)}`, text: 'Has a dog called Rex.' }, never);

    test('all that is known of one is forgotten, what is known of others stays, and more can be said', async () => {
      if (!rig.provider.forgetAll) return expect(canForget).not.toContain('all');
      expect(canForget).toContain('all');
      // Of somebody who is not known there is nothing to forget.
      await rig.provider.forgetAll(ANN, never);
      for (const subject of [ANN, EVE]) {
        await rig.provider.noteTurn(turnOf(subject, 'my favourite tea is Assam'), never);
        await remember(subject);
      }
      await rig.provider.forgetAll(ANN, never);
      await rig.provider.forgetAll(ANN, never);
      expect(await recall(ANN, 'tea, Assam, dog')).toEqual([]);
      expect((await recall(EVE, 'tea')).join()).toContain('Assam');
      await rig.provider.noteTurn(turnOf(ANN, 'now I drink coffee'), never);
      expect((await recall(ANN, 'coffee')).join()).toContain('coffee');
      expect(rig.violations()).toEqual([]);
    });

    test('a conversation is forgotten, others stay', async () => {
      if (!rig.provider.forgetSession) return expect(canForget).not.toContain('session');
      expect(canForget).toContain('session');
      for (const subject of [ANN, EVE]) await rig.provider.noteTurn(turnOf(subject, 'Assam tea'), never);
      await rig.provider.noteTurn({ ...turnOf(ANN, 'Sencha tea'), session: 'session-other' }, never);
      const at = { subject: ANN, session: turnOf(ANN, '').session };
      await rig.provider.forgetSession(at, never);
      await rig.provider.forgetSession(at, never);
      expect((await recall(ANN, 'tea')).join()).not.toContain('Assam');
      expect((await recall(ANN, 'tea')).join()).toContain('Sencha');
      expect((await recall(EVE, 'tea')).join()).toContain('Assam');
      expect(rig.violations()).toEqual([]);
    });

    test('one turn and one memory are forgotten, others stay', async () => {
      if (!rig.provider.forgetItem) return expect(canForget).not.toContain('item');
      expect(canForget).toContain('item');
      for (const word of ['Assam', 'Sencha', 'Mate'])
        await rig.provider.noteTurn(turnOf(ANN, `${word} tea`, word), never);
      await remember(ANN);
      for (const id of ['Assam', 'Assam', 'never-told'])
        await rig.provider.forgetItem({ subject: ANN, kind: 'turn', id }, never);
      const known = (await recall(ANN, 'tea dog')).join();
      expect(known).not.toContain('Assam');
      for (const word of ['Sencha', 'Mate', 'Rex']) expect(known).toContain(word);
      await rig.provider.forgetItem({ subject: ANN, kind: 'memory', id: `memory-${ANN.slice(-3)}` }, never);
      expect((await recall(ANN, 'tea dog')).join()).not.toContain('Rex');
      expect(rig.violations()).toEqual([]);
    });

    test.each(
      faults.filter((fault) => overNetwork && (fault === 'error' || fault === 'unavailable' || fault === 'refuse')),
    )('a deletion that failed is told as one (%s)', async (fault) => {
      if (!rig.provider.forgetAll) return expect(canForget).toEqual([]);
      rig.setFault(fault);
      const failure = await failureOf(rig.provider.forgetAll(ANN, never));
      expect(failure.retryable).toBe(fault !== 'refuse');
      expect(told(failure)).not.toContain(rig.secret);
    });

    test('odd texts stay texts', async () => {
      for (const [index, text] of ODD_TEXTS.entries())
        await rig.provider.noteTurn(turnOf(ANN, text, `turn-${index}`), never);
      for (const text of ['--help', ODD_TEXTS.slice(1).join('\n').slice(0, 4_000)])
        expect((await recall(ANN, text)).length).toBeGreaterThan(0);
      expect(rig.violations()).toEqual([]);
    });

    test('it says whether it answers', async () => {
      const ask = () => rig.provider.check?.(never) ?? recall(EVE, 'hello');
      await ask();
      rig.setFault('refuse');
      expect((await failureOf(Promise.resolve(ask()))).retryable).toBe(false);
      expect(rig.violations()).toEqual([]);
    });

    test.each(faults.filter((fault) => fault !== 'hang' && fault !== 'stall'))(
      'its failures are told, and give nothing away (%s)',
      async (fault) => {
        rig.setFault(fault);
        const note = () => rig.provider.noteTurn(turnOf(ANN, 'tea'), never);
        // What a service says to being told something need not be understood.
        for (const work of [() => recall(ANN, 'tea'), ...(fault === 'odd' ? [] : [note])]) {
          const failure = await failureOf(work());
          expect(failure.retryable).toBe(fault === 'error' || fault === 'unavailable');
          if (fault === 'huge') expect(failure.code).toBe('too_large');
          if (fault === 'unavailable') expect(failure.retryAfterMs).toBe(7_000);
          expect(failure.publicMessage.length).toBeLessThan(200);
          expect(told(failure)).not.toContain(rig.secret);
        }
        rig.setFault(undefined);
        expect(await recall(ANN, 'tea')).toEqual([]);
      },
    );

    test.each(faults.filter((fault) => fault === 'hang' || fault === 'stall'))(
      'it ends when it is told to, and by itself in the end (%s)',
      async (fault) => {
        rig.setFault(fault);
        const stop = new AbortController();
        const stopped = failureOf(recall(ANN, 'tea', stop.signal));
        await untilHeld();
        stop.abort();
        expect((await stopped).code).toBe('cancelled');
        const late = failureOf(recall(ANN, 'tea'));
        await untilHeld();
        await clock.advance(121_000);
        expect(await late).toMatchObject({ code: 'timeout', retryable: true });
        const gone = new AbortController();
        gone.abort();
        expect((await failureOf(recall(ANN, 'tea', gone.signal))).code).toBe('cancelled');
      },
    );
  });
}
