import { AsyncLocalStorage } from 'node:async_hooks';
import { ParallelExecutor, ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import { ResponseCache } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { sleep, tasks, UNLIMITED } from './tasks.js';

const storage = new AsyncLocalStorage<string>();

describe('the asynchronous context of a call', () => {
  test.each([
    ['free slots', { concurrency: 100, rateLimit: UNLIMITED }],
    ['few slots', { concurrency: 3, rateLimit: UNLIMITED }],
    ['a throttle', { concurrency: 30, rateLimit: { requestsPerMinute: 25, window: 60 } }],
    ['retries', { concurrency: 3, rateLimit: UNLIMITED, retries: { maxAttempts: 3, baseDelay: 5 } }],
  ])('is that of its tasks, behind %s', async (_name, config) => {
    const executor = new ParallelExecutor(config);
    const tried = new Set<string>();
    const run = (name: string, streaming: boolean) =>
      storage.run(name, async () => {
        const work = async (task: { id: string }) => {
          const before = storage.getStore();
          await sleep(2);
          if ('retries' in config && !tried.has(name + task.id)) {
            tried.add(name + task.id);
            throw Object.assign(new Error('again'), { status: 500 });
          }
          return [before, storage.getStore()];
        };
        const results = await (streaming
          ? executor.executeTasksStreaming(tasks(20), work)
          : executor.executeTasks(tasks(20), work));
        return results.flatMap(({ result }) => result);
      });
    const all = await Promise.all([run('a', false), run('b', false), run('c', true)]);
    for (const [i, name] of ['a', 'b', 'c'].entries()) expect(new Set(all[i])).toEqual(new Set([name]));
    const added = await Promise.all(
      ['x', 'y', 'z'].map((name) => storage.run(name, () => executor.add(() => storage.getStore()))),
    );
    expect(added).toEqual(['x', 'y', 'z']);
  });

  test('is that of progress calls and listeners', async () => {
    const executor = new ParallelExecutor({
      concurrency: 2,
      rateLimit: { requestsPerMinute: 10, window: 50 },
      retries: { maxAttempts: 2, baseDelay: 1 },
    });
    const seen = new Map<string, Set<string | undefined>>();
    const note = (what: string) => {
      seen.set(what, (seen.get(what) ?? new Set()).add(storage.getStore()));
    };
    for (const event of ['start', 'taskStart', 'taskComplete', 'taskError', 'retry', 'throttle', 'complete'] as const) {
      executor.on(event, () => note(event));
    }
    await storage.run('mine', () =>
      executor.executeTasks(
        tasks(25),
        async (task) => {
          await sleep(1);
          if (task.id === 'task-3') throw Object.assign(new Error('x'), { status: 500 });
          if (task.id === 'task-4') throw new Error('y');
        },
        { onProgress: () => note('progress') },
      ),
    );
    expect([...seen.keys()].sort()).toEqual(
      ['complete', 'progress', 'retry', 'start', 'taskComplete', 'taskError', 'taskStart', 'throttle'].sort(),
    );
    for (const [event, names] of seen) expect([event, [...names]]).toEqual([event, ['mine']]);
  });

  test('is that of what a pool executes', async () => {
    const pool = new ScoringWorkerPool(2);
    const work = async () => {
      await sleep(1);
      return storage.getStore();
    };
    const all = await Promise.all(Array.from({ length: 12 }, (_, i) => storage.run(`${i}`, () => pool.execute(work))));
    expect(all).toEqual(Array.from({ length: 12 }, (_, i) => `${i}`));
  });

  test('leaves no circular wait where there is none', async () => {
    const cache = new ResponseCache({ maxSize: 100 });
    const executor = new ParallelExecutor({ concurrency: 2, rateLimit: UNLIMITED });
    const ask = (key: string) => cache.getOrCompute(key, { model: 'm' }, async () => sleep(3).then(() => key));
    const inner = executor.executeTasks(tasks(10), (task) => ask(task.id));
    const outer = cache.getOrCompute('outer', { model: 'm' }, async () => {
      const results = await executor.executeTasks(tasks(10), (task) => ask(task.id));
      return results.map(({ result, error }) => result ?? error?.message);
    });
    const again = (await inner).map(({ result, error }) => result ?? error?.message);
    expect(await outer).toEqual(tasks(10).map(({ id }) => id));
    expect(again).toEqual(tasks(10).map(({ id }) => id));
  });
});
