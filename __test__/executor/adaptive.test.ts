import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { expect, test } from 'vitest';
import { InFlight, sleep, tasks } from './tasks.js';

test('adaptive concurrency finds what a provider can take, without limits of its own', async () => {
  const [executor, inFlight] = [
    new ParallelExecutor({
      concurrency: 100,
      adaptive: true,
      retries: { maxAttempts: 20, baseDelay: 2, maxDelay: 10 },
    }),
    new InFlight(),
  ];
  let refused = 0;
  const results = await executor.executeTasks(tasks(600), () =>
    inFlight.during(async () => {
      const over = inFlight.now > 12;
      await sleep(3);
      if (over) {
        refused += 1;
        throw Object.assign(new Error('too many'), { status: 429 });
      }
      return 1;
    }),
  );
  expect(results.every((r) => r.result === 1)).toBe(true);
  expect(inFlight.most).toBeGreaterThan(8);
  expect(inFlight.most).toBeLessThan(40);
  expect(refused).toBeLessThan(300);
});
