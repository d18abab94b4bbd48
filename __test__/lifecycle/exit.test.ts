import { describe, expect, test } from 'vitest';
import { runChild } from './child.js';

const ENTRIES = ['@aah/ai-evals', '@aah/ai-evals/performance', '@aah/ai-evals/orchestrator'];
const QUIET = { code: 0, signal: null, stdout: '', stderr: '' };

describe('a process ends by itself after', () => {
  for (const entry of ENTRIES) {
    test(`require('${entry}')`, async () => {
      expect(await runChild(`require('${entry}')`)).toEqual(QUIET);
    });

    test(`import '${entry}'`, async () => {
      expect(
        await runChild(`import * as all from '${entry}'; if (!all.AiEvalsError) throw all;`, { type: 'module' }),
      ).toEqual(QUIET);
    });
  }

  test('the cleanup timers of caches were started and never stopped', async () => {
    const source = `const { cacheManager, CacheInvalidator, LRUCache } = require('@aah/ai-evals/performance');
      cacheManager.startCleanup(); cacheManager.startCleanup(50);
      cacheManager.responseCache.set('q', {}, 'a');
      const invalidator = new CacheInvalidator();
      invalidator.register('c', new LRUCache());
      invalidator.scheduleCleanup();`;
    expect(await runChild(source)).toEqual(QUIET);
  });

  test('a run of an executor has ended', async () => {
    const source = `const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
      const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 600 } });
      const tasks = Array.from({ length: 20 }, (_, i) => ({ id: String(i), testCase: { id: String(i), input: i, expected: i }, runnerConfig: { modelId: 'm' } }));
      executor.executeTasks(tasks, async () => ({ actual: 1 })).then((results) => { if (results.length !== 20) process.exitCode = 3; });`;
    expect(await runChild(source)).toEqual(QUIET);
  });

  test('a scoring pool did its work and was not closed', async () => {
    const source = `const { ScoringWorkerPool } = require('@aah/ai-evals/orchestrator');
      const pool = new ScoringWorkerPool(3);
      Promise.all([1, 2, 3, 4].map((n) => pool.execute(() => n * 2))).then((all) => { if (all.join() !== '2,4,6,8') process.exitCode = 3; });`;
    expect(await runChild(source)).toEqual(QUIET);
  });

  test('streams, monitors and benchmarks were left open', async () => {
    const source = `const { DatasetStream, BatchProcessor, ResultWriter, PerformanceMonitor, performanceMonitor, Benchmark } = require('@aah/ai-evals/performance');
      const stream = new DatasetStream({ batchSize: 10 });
      for (let i = 0; i < 5000; i += 1) stream.push({ i });
      new BatchProcessor().addTestCases([{ id: '1', input: 1, expected: 1 }]);
      new ResultWriter().write({ id: 1 }, async () => {});
      performanceMonitor.start('left open');
      new PerformanceMonitor().start('left open too');
      new Benchmark();`;
    expect(await runChild(source)).toEqual(QUIET);
  });

  test('native work is pending and the program calls process.exit', async () => {
    const source = `const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
      const executor = new ParallelExecutor({ rateLimit: { requestsPerMinute: 1 } });
      const tasks = ['a', 'b'].map((id) => ({ id, testCase: { id, input: 1, expected: 1 }, runnerConfig: { modelId: 'm' } }));
      executor.executeTasks(tasks, async () => ({ actual: 1 }));
      setTimeout(() => process.exit(0), 100);`;
    expect(await runChild(source)).toEqual(QUIET);
  });
});
