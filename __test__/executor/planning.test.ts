import { estimateDuration, ParallelExecutor, PROVIDER_LIMITS, recommendConcurrency } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { sleep, tasks } from './tasks.js';

describe('PROVIDER_LIMITS', () => {
  test.each([
    ['openai', 'tier1', 500, 30_000, 8, 10],
    ['openai', 'tier2', 5000, 450_000, 20, 30],
    ['anthropic', 'tier1', 50, 40_000, 3, 5],
    ['anthropic', 'tier2', 1000, 100_000, 10, 15],
  ] as const)('%s %s is the table, and a configuration', async (provider, tier, requests, tokens, least, most) => {
    const limits = PROVIDER_LIMITS[provider][tier];
    expect(limits.rateLimit).toEqual({ requestsPerMinute: requests, tokensPerMinute: tokens });
    expect(limits.concurrency).toBeGreaterThanOrEqual(least);
    expect(limits.concurrency).toBeLessThanOrEqual(most);
    const executor = new ParallelExecutor(limits);
    expect(await executor.executeTasks(tasks(5), (task) => task.id)).toHaveLength(5);
    expect(executor.getRateLimiterState()).toMatchObject(limits.rateLimit);
  });

  test('cannot be changed by accident', () => {
    expect(Object.isFrozen(PROVIDER_LIMITS.openai.tier1.rateLimit)).toBe(true);
  });
});

describe('recommendConcurrency', () => {
  test('is calls per millisecond times milliseconds per call', () => {
    expect(recommendConcurrency({ requestsPerMinute: 60, avgLatency: 1000 })).toBe(1);
    expect(recommendConcurrency({ requestsPerMinute: 500, avgLatency: 1000 })).toBe(9);
    expect(
      recommendConcurrency({ requestsPerMinute: 500, tokensPerMinute: 30_000, avgTokens: 500, avgLatency: 2000 }),
    ).toBe(2);
    expect(recommendConcurrency({ avgLatency: 100 })).toBe(Number.POSITIVE_INFINITY);
  });

  test('refuses what is not a number above 0', () => {
    expect(() => recommendConcurrency({ requestsPerMinute: 0, avgLatency: 1 })).toThrow(RangeError);
    expect(() => recommendConcurrency({ avgLatency: '1' as never })).toThrow(TypeError);
    expect(() => recommendConcurrency({} as never)).toThrow(TypeError);
  });
});

describe('estimateDuration', () => {
  test('is the longer of slots and limits', () => {
    expect(estimateDuration({ tasks: 200, avgLatency: 200 })).toBe(4000);
    expect(estimateDuration({ tasks: 200, avgLatency: 200, requestsPerMinute: 60 })).toBe(3 * 60_000 + 200);
    expect(estimateDuration({ tasks: 200, avgLatency: 200, tokensPerMinute: 10_000, avgTokens: 100 })).toBe(60_200);
    expect(estimateDuration({ tasks: 61, avgLatency: 200, requestsPerMinute: 60, pacing: 'smooth' })).toBe(60_200);
    expect(estimateDuration({ tasks: 0, avgLatency: 200 })).toBe(0);
  });

  test('is what a run takes', async () => {
    const executor = new ParallelExecutor({ concurrency: 5, rateLimit: { requestsPerMinute: 1000 } });
    const start = performance.now();
    await executor.executeTasks(tasks(20), () => sleep(50));
    const estimate = estimateDuration({ tasks: 20, avgLatency: 50, concurrency: 5, requestsPerMinute: 1000 });
    expect(performance.now() - start).toBeGreaterThan(estimate * 0.95);
    expect(performance.now() - start).toBeLessThan(estimate * 2);
  });
});
