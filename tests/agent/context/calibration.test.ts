import { describe, expect, it } from 'vitest';
import { makeCalibration } from '../../../agent/context/calibration.ts';
import { makeCompactionGuard } from '../../../agent/context/guard.ts';
import { sessionId } from '../../../shared/ids.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const MODEL = { provider: 'p', model: 'm' };
const usage = (input: number, cacheRead = 0, cacheWrite = 0) => ({ input, cacheRead, cacheWrite });

describe('calibration', () => {
  it('takes the worst of the last requests and a margin, cached tokens included, per model', () => {
    const calibration = makeCalibration();
    expect(calibration.factorOf(MODEL)).toBe(1);
    expect(calibration.isMeasured(MODEL)).toBe(false);
    calibration.note(MODEL, 10_000, usage(1_000, 7_000, 500));
    calibration.note(MODEL, 10_000, usage(12_000));
    calibration.note(MODEL, 10_000, usage(9_000));
    expect(calibration.factorOf(MODEL)).toBeCloseTo(1.26);
    expect(calibration.isMeasured(MODEL)).toBe(true);
    expect(calibration.factorOf({ provider: 'p', model: 'other' })).toBe(1);
    for (let n = 0; n < 8; n++) calibration.note(MODEL, 10_000, usage(9_000));
    expect(calibration.factorOf(MODEL)).toBeCloseTo(0.945);
  });

  it('does not go below its least, and passes over what is no count of the whole prompt', () => {
    const calibration = makeCalibration();
    calibration.note(MODEL, 10_000, usage(100));
    calibration.note(MODEL, 500, usage(900));
    calibration.note(MODEL, 10_000, usage(90_000));
    expect(calibration.isMeasured(MODEL)).toBe(false);
    calibration.note(MODEL, 10_000, usage(4_500));
    expect(calibration.factorOf(MODEL)).toBe(0.75);
    calibration.note(MODEL, 10_000, usage(39_000));
    expect(calibration.factorOf(MODEL)).toBe(2.5);
  });

  it('keeps few models', () => {
    const calibration = makeCalibration();
    for (let n = 0; n < 300; n++) calibration.note({ provider: 'p', model: `m${n}` }, 10_000, usage(9_000));
    expect(calibration.isMeasured({ provider: 'p', model: 'm0' })).toBe(false);
    expect(calibration.isMeasured({ provider: 'p', model: 'm299' })).toBe(true);
  });
});

describe('the guard of compression', () => {
  const session = sessionId('s');

  it('stops after two passes that gained nothing, until the history has grown', () => {
    const guard = makeCompactionGuard(makeFakeClock());
    expect(guard.mayCompact(session, 10_000)).toBe(true);
    guard.noteGain(session, { before: 10_000, after: 9_500 });
    expect(guard.mayCompact(session, 10_000)).toBe(true);
    guard.noteGain(session, { before: 10_000, after: 9_900 });
    expect(guard.mayCompact(session, 10_000)).toBe(false);
    expect(guard.mayCompact(sessionId('other'), 10_000)).toBe(true);
    expect(guard.mayCompact(session, 15_000)).toBe(true);
    guard.noteGain(session, { before: 15_000, after: 5_000 });
    expect(guard.mayCompact(session, 6_000)).toBe(true);
  });

  it('leaves a model that failed alone for one, five, then fifteen minutes', async () => {
    const clock = makeFakeClock();
    const guard = makeCompactionGuard(clock);
    expect(guard.mayAsk(session)).toBe(true);
    for (const minutes of [1, 5, 15, 15]) {
      guard.noteAnswer(session, false);
      await clock.advance(minutes * 60_000 - 1);
      expect(guard.mayAsk(session)).toBe(false);
      await clock.advance(1);
      expect(guard.mayAsk(session)).toBe(true);
    }
    guard.noteAnswer(session, true);
    guard.noteAnswer(session, false);
    await clock.advance(60_000);
    expect(guard.mayAsk(session)).toBe(true);
  });
});
