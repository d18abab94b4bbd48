import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const { TimeLeft } = require('../../.facade/cli/time_left.js') as typeof import('../../ts/cli/time_left.js');

const WINDOW = 60_000;

/** When the last of `calls` starts, in a model of a limit that admits `limit` starts in any 60 s. */
function lastStart(starts: number[], limit: number, calls: number, now: number): number {
  const all = [...starts];
  for (let i = 0; i < calls; i += 1) {
    const place = all.at(-limit);
    all.push(Math.max(now, all.length >= limit ? place! + WINDOW : now));
  }
  return all.at(-1)! - now;
}

describe('TimeLeft', () => {
  test('knows that a limit is used up: two minutes are left after the burst of the first second', () => {
    const time = new TimeLeft({ requestsPerMinute: 60, tokensPerMinute: 1e9 });
    for (let i = 0; i < 60; i += 1) time.started(i * 16);
    const left = time.left(1000, { left: 120, done: 60, throttled: 0 })!;
    expect(left).toBeGreaterThan(2 * WINDOW - 1100);
    expect(left).toBeLessThanOrEqual(2 * WINDOW + 1000);
  });

  test('counts tokens as it counts requests', () => {
    const time = new TimeLeft({ requestsPerMinute: 1e6, tokensPerMinute: 6000 });
    for (let i = 0; i < 6; i += 1) time.started(0);
    const left = time.left(1000, { left: 6, done: 6, tokensPerCall: 1000, throttled: 0 })!;
    expect(left).toBe(WINDOW - 1000);
  });

  test('goes by the pace where no limit is near, and not by the time that a limit took', () => {
    const time = new TimeLeft({ requestsPerMinute: 1e6, tokensPerMinute: 1e9 });
    time.started(0);
    expect(time.left(10_000, { left: 50, done: 100, throttled: 0 })).toBe(5000);
    expect(time.left(70_000, { left: 50, done: 100, throttled: 60_000 })).toBe(5000);
  });

  test('leaves out the cases that need no call', () => {
    const time = new TimeLeft({ requestsPerMinute: 10, tokensPerMinute: 1e9 });
    for (let i = 0; i < 10; i += 1) time.started(0);
    expect(time.left(100, { left: 100, done: 100, callShare: 0, throttled: 0 })).toBe(100);
    expect(time.left(100, { left: 100, done: 100, callShare: 0.1, throttled: 0 })).toBe(WINDOW - 100);
  });

  test('is nothing when all is done and unknown before anything is', () => {
    const time = new TimeLeft();
    expect(time.left(5, { left: 0, done: 3, throttled: 0 })).toBe(0);
    expect(time.left(5, { left: 3, done: 0, throttled: 0 })).toBeUndefined();
  });

  test('is when a limit of starts in any 60 s lets the last call start', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.integer({ min: 1, max: 59 }), { maxLength: 30 }),
        (limit, calls, seconds) => {
          const now = WINDOW;
          // A second apart or at once, so that no two fall into one bucket by chance.
          const starts = seconds
            .slice(0, limit)
            .map((second) => second * 1000)
            .sort((a, b) => a - b);
          const time = new TimeLeft({ requestsPerMinute: limit, tokensPerMinute: 1e9 });
          for (const start of starts) time.started(start);
          const left = time.left(now, { left: calls, done: 1e12, throttled: 0 })!;
          expect(Math.abs(left - lastStart(starts, limit, calls, now))).toBeLessThan(1);
        },
      ),
    );
  });
});
