import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { answeredFromCache, noteCachedAnswer } from '../../ts/cached_answer.js';
import { sleep, tasks } from './tasks.js';

describe('an answer of our caches', () => {
  test('is told to nobody outside a run', () => {
    expect(answeredFromCache.getStore()).toBeUndefined();
    expect(() => noteCachedAnswer()).not.toThrow();
  });

  test('leaves a task that waits for something besides counted as a request', async () => {
    const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 100 } });
    await executor.executeTasks(tasks(5), async () => {
      await sleep(5);
      return 1;
    });
    expect(executor.getRateLimiterState().currentRequests).toBe(5);
  });
});
