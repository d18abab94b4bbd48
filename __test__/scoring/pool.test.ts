import { availableParallelism } from 'node:os';
import { AiEvalsError, ScoringWorkerPool } from '@aah/ai-evals/orchestrator';
import { describe, expect, test } from 'vitest';
import { InFlight, sleep } from '../executor/tasks.js';

describe('ScoringWorkerPool', () => {
  test('runs at most maxWorkers closures at once, in order', async () => {
    const [pool, inFlight] = [new ScoringWorkerPool(3), new InFlight()];
    const order: number[] = [];
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        pool.execute(() => {
          order.push(i);
          return inFlight.during(async () => {
            await sleep(1);
            return i * 2;
          });
        }),
      ),
    );
    expect(results).toEqual(Array.from({ length: 30 }, (_, i) => i * 2));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(inFlight.most).toBe(3);
  });

  test('a closure that throws or rejects frees its slot', async () => {
    const pool = new ScoringWorkerPool(1);
    const failing = pool.execute(() => {
      throw new Error('sync');
    });
    const rejecting = pool.execute(() => Promise.reject(new Error('async')));
    await expect(failing).rejects.toThrow('sync');
    await expect(rejecting).rejects.toThrow('async');
    expect(await pool.execute(() => 'next')).toBe('next');
    expect(pool.getStats()).toMatchObject({ activeWorkers: 0, queuedTasks: 0 });
  });

  test('getStats says what it does', async () => {
    const pool = new ScoringWorkerPool(4);
    expect(pool.getStats()).toEqual({ maxWorkers: 4, activeWorkers: 0, queuedTasks: 0, utilization: 0 });
    const work = Array.from({ length: 6 }, () => pool.execute(() => sleep(5)));
    expect(pool.getStats()).toEqual({ maxWorkers: 4, activeWorkers: 4, queuedTasks: 2, utilization: 1 });
    await Promise.all(work);
    expect((pool.getStats().utilization * 100).toFixed(1)).toBe('0.0');
  });

  test('defaults to the cores less one', () => {
    expect(new ScoringWorkerPool().getStats().maxWorkers).toBe(Math.max(availableParallelism() - 1, 1));
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('%s workers are a RangeError', (count) => {
    expect(() => new ScoringWorkerPool(count)).toThrow(RangeError);
  });

  test('wrong types are a TypeError', async () => {
    expect(() => new ScoringWorkerPool('4' as never)).toThrow(TypeError);
    expect(() => new ScoringWorkerPool(null as never)).toThrow(TypeError);
    await expect(new ScoringWorkerPool(1).execute(5 as never)).rejects.toThrow(TypeError);
  });

  test('close refuses what waits, awaits what runs, and holds', async () => {
    const pool = new ScoringWorkerPool(1);
    let done = false;
    const running = pool.execute(async () => {
      await sleep(10);
      done = true;
    });
    const waiting = pool.execute(() => 1);
    const closed = pool.close();
    expect(pool.close()).toBe(closed);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await closed;
    expect(done).toBe(true);
    await running;
    const late = pool.execute(() => 1);
    await expect(late).rejects.toBeInstanceOf(AiEvalsError);
    await pool[Symbol.asyncDispose]();
  });

  test('100,000 closures cost no quadratic work', async () => {
    const pool = new ScoringWorkerPool(2);
    const results = await Promise.all(Array.from({ length: 100_000 }, (_, i) => pool.execute(() => i)));
    expect(results.at(-1)).toBe(99_999);
  });
});
