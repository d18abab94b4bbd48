import { ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { performanceMonitor } from '@aah/ai-evals/performance';
import { beforeEach, describe, expect, test } from 'vitest';
import { tasks, UNLIMITED } from './tasks.js';

const free = () => new ParallelExecutor({ concurrency: 4, rateLimit: UNLIMITED });
const callsOf = (stage: string) => performanceMonitor.getComponentTiming(stage)?.totalCalls ?? 0;

beforeEach(() => performanceMonitor.reset());

describe('performanceMonitor', () => {
  test('records parallel-execution once for each run of executeTasks', async () => {
    const executor = free();
    await executor.executeTasks(tasks(50), async () => 'answer');
    expect(callsOf('parallel-execution')).toBe(1);
    await Promise.all([
      executor.executeTasks(tasks(3), () => {
        throw new Error('failed');
      }),
      executor.executeTasks([], async () => 'answer'),
    ]);
    expect(callsOf('parallel-execution')).toBe(3);
    expect(callsOf('streaming-execution')).toBe(0);
  });

  test('records streaming-execution once for each run of executeTasksStreaming', async () => {
    const executor = free();
    await executor.executeTasksStreaming(tasks(50), async () => 'answer');
    expect(callsOf('streaming-execution')).toBe(1);
    for await (const _ of executor.executeTasksStreaming(tasks(50), async () => 'answer')) break;
    await expect.poll(() => callsOf('streaming-execution')).toBe(2);
    expect(callsOf('parallel-execution')).toBe(0);
  });

  test('records a streaming run whose source fails, and one that is aborted', async () => {
    const executor = free();
    const source = function* () {
      yield* tasks(2);
      throw new Error('no more');
    };
    await expect(executor.executeTasksStreaming(source(), async () => 'answer')).rejects.toThrow('no more');
    expect(callsOf('streaming-execution')).toBe(1);
    await executor.executeTasksStreaming(tasks(5), async () => 'answer', { signal: AbortSignal.abort() });
    expect(callsOf('streaming-execution')).toBe(2);
  });

  test('times a run from its start to its last result', async () => {
    let inside = 0;
    await free().executeTasks(tasks(1), async () => {
      const start = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 20));
      inside = performance.now() - start;
    });
    expect(performanceMonitor.getComponentTiming('parallel-execution')!.totalDuration).toBeGreaterThanOrEqual(inside);
  });
});
