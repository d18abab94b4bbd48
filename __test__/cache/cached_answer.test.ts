/** Tasks of an executor that a cache answers. */
import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { EmbeddingCache, LRUCache, ResponseCache } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';

/** Runs `work` as tasks of one executor. Returns the requests that they took of the limit. */
async function requestsOf(work: (n: number) => unknown, tasks = 1): Promise<number> {
  const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 1000 } });
  const list = Array.from({ length: tasks }, (_, n) => ({
    id: String(n),
    testCase: { id: String(n), input: n, expected: n },
    runnerConfig: { modelId: 'm' },
  }));
  const results = await executor.executeTasks(list, async ({ testCase }) => work(testCase.input));
  expect(results.map(({ error }) => error)).toEqual(list.map(() => undefined));
  return executor.getRateLimiterState().currentRequests;
}

/** A call of a model, which takes a turn of the event loop at least. */
const call = () => new Promise((resolve) => setTimeout(resolve, 2, 'an answer'));

describe('a task that a cache answers', () => {
  test('takes no budget, and one that computes takes its own', async () => {
    const cache = new ResponseCache();
    const ask = (n: number) => cache.getOrCompute(`question ${n}`, { model: 'm' }, call);
    expect(await requestsOf(ask, 200)).toBe(200);
    expect(await requestsOf(ask, 200)).toBe(0);
  });

  test('takes no budget in replay either', async () => {
    const cache = new ResponseCache();
    cache.set('q', 1, 'a');
    expect(await requestsOf(() => cache.getOrCompute('q', 1, call, { mode: 'replay' }))).toBe(0);
    expect(await requestsOf(() => cache.getOrCompute('q', 1, call, { mode: 'record' }))).toBe(1);
  });

  test('takes no budget for a batch that is held as a whole', async () => {
    const cache = new EmbeddingCache();
    const embed = async (missing: string[]) => {
      await call();
      return missing.map(() => [1]);
    };
    expect(await requestsOf(() => cache.batchGetOrCompute(['a', 'b'], embed))).toBe(1);
    expect(await requestsOf(() => cache.batchGetOrCompute(['a', 'c'], embed))).toBe(1);
    expect(await requestsOf(() => cache.batchGetOrCompute(['a', 'b', 'c'], embed))).toBe(0);
  });

  test('takes its budget when it makes a call besides', async () => {
    const cache = new ResponseCache();
    cache.set('q', 1, 'a');
    const both = async () => {
      await cache.getOrCompute('q', 1, call);
      await call();
    };
    expect(await requestsOf(both)).toBe(1);
  });

  test('takes its budget after a plain get, which may be of anything', async () => {
    const cache = new LRUCache<number>();
    cache.set('k', 1);
    expect(await requestsOf(() => cache.get('k'))).toBe(1);
  });
});
