import { setTimeout as sleep } from 'node:timers/promises';
import { AiEvalsError, DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { echo, numbers, pushAll, turn } from './items';

describe('push and process', () => {
  test('everything pushed before process comes back in order, far past bufferSize', async () => {
    const stream = new DatasetStream<number>({ batchSize: 50, maxMemory: 100 * 1024 * 1024, bufferSize: 1000 });
    expect(await pushAll(stream, numbers(100_000))).toBe(0);
    expect(stream.getStats().itemsBuffered).toBe(100_000);
    const sizes = new Set<number>();
    const results = await stream.process(async (batch) => {
      sizes.add(batch.length);
      return batch;
    });
    expect(results).toEqual(numbers(100_000));
    expect([...sizes]).toEqual([50]);
    expect(stream.getStats()).toMatchObject({ itemsProcessed: 100_000, itemsBuffered: 0, memoryUsage: 0 });
  });

  test('push refuses only while a running process drains the buffer, and the loop of the guide then finishes', async () => {
    const stream = new DatasetStream<number>({ batchSize: 10, bufferSize: 20 });
    const processed = stream.process(
      async (batch) => {
        await turn();
        return batch;
      },
      { untilEnd: true },
    );
    expect(await pushAll(stream, numbers(5000))).toBeGreaterThan(0);
    stream.end();
    expect(await processed).toEqual(numbers(5000));
  });

  test.each([
    [1, 1, 1],
    [1, 50, 3],
    [7, 3, 2],
    [50, 10, 4],
  ])(
    'batchSize %i, bufferSize %i, concurrency %i: nothing lost, nothing twice',
    async (batchSize, bufferSize, concurrency) => {
      const stream = new DatasetStream<number>({ batchSize, bufferSize });
      const processed = stream.process(
        async (batch) => {
          if (batch[0]! % 3 === 0) await turn();
          return batch;
        },
        { untilEnd: true, concurrency },
      );
      await pushAll(stream, numbers(500));
      stream.end();
      expect(await processed).toEqual(numbers(500));
    },
  );

  test('results keep the order of the batches whatever finishes first, at most `concurrency` at a time', async () => {
    const stream = new DatasetStream<number>({ batchSize: 5 });
    await pushAll(stream, numbers(100));
    let running = 0;
    let most = 0;
    const results = await stream.process(
      async (batch) => {
        running += 1;
        most = Math.max(most, running);
        await sleep(batch[0]! % 3);
        running -= 1;
        return batch.map((n) => n * 2);
      },
      { concurrency: 4 },
    );
    expect(results).toEqual(numbers(100).map((n) => n * 2));
    expect(most).toBe(4);
  });

  test('process of nothing resolves to nothing; a handler that returns nothing adds nothing', async () => {
    const stream = new DatasetStream<number>({ batchSize: 2 });
    expect(await stream.process(echo)).toEqual([]);
    stream.push(1);
    stream.push(2);
    stream.push(3);
    expect(await stream.process(async () => {})).toEqual([]);
    expect(stream.getStats().itemsProcessed).toBe(3);
  });

  test('untilEnd waits for items that come later, and hands them out while it waits', async () => {
    const stream = new DatasetStream<number>({ batchSize: 10 });
    const seen: number[] = [];
    const processed = stream.process(
      async (batch) => {
        seen.push(...batch);
        return batch;
      },
      { untilEnd: true },
    );
    await turn();
    stream.push(1);
    await turn();
    expect(seen).toEqual([1]);
    stream.push(2);
    stream.end();
    expect(await processed).toEqual([1, 2]);
  });

  test('two process calls share the stream: each item goes to one of them', async () => {
    const stream = new DatasetStream<number>({ batchSize: 10 });
    await pushAll(stream, numbers(1000));
    const both = await Promise.all([stream.process(echo), stream.process(echo)]);
    expect(both.flat().sort((a, b) => a - b)).toEqual(numbers(1000));
  });

  test('timers go on while batches that need no waiting are processed', async () => {
    const stream = new DatasetStream<number>({ batchSize: 1 });
    await pushAll(stream, numbers(50_000));
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 1);
    await stream.process(echo);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  test('push after end and misuse are clear errors', async () => {
    const stream = new DatasetStream<number>();
    stream.end();
    stream.end();
    expect(() => stream.push(1)).toThrow(AiEvalsError);
    expect(() => stream.push(1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    await expect(stream.process(undefined as never)).rejects.toThrow(TypeError);
    await expect(stream.process(echo, { concurrency: 0 })).rejects.toThrow(RangeError);
    await expect(stream.process(echo, { signal: 1 as never })).rejects.toThrow(TypeError);
    for (const config of [{ batchSize: 0 }, { bufferSize: -1 }, { maxMemory: Number.NaN }, { batchSize: 1.5 }]) {
      expect(() => new DatasetStream(config)).toThrow(RangeError);
    }
    expect(() => new DatasetStream({ batchSize: '50' as never })).toThrow(TypeError);
    expect(() => new DatasetStream(5 as never)).toThrow(TypeError);
    const open = new DatasetStream<number>();
    open.push(1);
    await expect(open.process(async () => 7 as never)).rejects.toThrow(/must be an array/);
  });
});
