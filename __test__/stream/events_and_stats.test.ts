import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { echo, numbers, pushAll, turn } from './items';

describe('events and stats', () => {
  test('tell of each item (data), each batch (batch-complete) and a full heap buffer (backpressure)', async () => {
    const stream = new DatasetStream<number>({ batchSize: 2, bufferSize: 3 });
    const data: number[] = [];
    const complete: { batchSize: number; processingTime: number; totalProcessed: number }[] = [];
    const pressure: unknown[] = [];
    stream.on('data', (item) => data.push(item));
    stream.on('batch-complete', (event) => complete.push(event));
    stream.on('backpressure', (event) => pressure.push(event));
    await pushAll(stream, numbers(5));
    expect(data).toEqual(numbers(5));
    expect(pressure).toEqual([{ bufferSize: 3, maxSize: 3 }]);
    await stream.process(echo);
    expect(complete.map(({ batchSize, totalProcessed }) => [batchSize, totalProcessed])).toEqual([
      [2, 2],
      [2, 4],
      [1, 5],
    ]);
    expect(complete.every(({ processingTime }) => processingTime >= 0)).toBe(true);
    expect(stream.getStats().backpressureEvents).toBe(1);
  });

  test('are zeros, not NaN, on a new stream', () => {
    expect(new DatasetStream().getStats()).toEqual({
      itemsProcessed: 0,
      itemsBuffered: 0,
      memoryUsage: 0,
      backpressureEvents: 0,
      avgProcessingTime: 0,
      throughput: 0,
    });
  });

  test('measure times', async () => {
    const stream = new DatasetStream<number>({ batchSize: 5 });
    await pushAll(stream, numbers(20));
    await stream.process(() => sleep(20));
    const { avgProcessingTime, throughput } = stream.getStats();
    expect(avgProcessingTime).toBeGreaterThanOrEqual(18);
    expect(throughput).toBeGreaterThan(0);
    expect(throughput).toBeLessThan(20 / 0.07);
  });

  test('let a handler of memory pressure pause and resume as in the guide, with everything processed', async () => {
    const stream = new DatasetStream<{ i: number; text: string }>({ maxMemory: 200_000, batchSize: 50 });
    const events: { current: number; max: number }[] = [];
    stream.on('memory-pressure', (event) => {
      events.push(event);
      stream.pause();
      global.gc?.();
      setTimeout(() => stream.resume(), 50);
    });
    for (let i = 0; i < 2000; i += 1) {
      while (!stream.push({ i, text: 'x'.repeat(1000) })) await once(stream, 'batch-complete');
    }
    expect(events.length).toBeGreaterThan(0);
    expect(events[0]!.max).toBe(200_000);
    expect(events[0]!.current).toBeGreaterThan(200_000);
    const results = await stream.process(async (batch) => batch.map(({ i }) => i));
    expect(results).toEqual(numbers(2000));
  });

  test('report memory pressure while a process runs', async () => {
    const stream = new DatasetStream<string>({ maxMemory: 20_000, batchSize: 4 });
    let events = 0;
    stream.on('memory-pressure', () => {
      events += 1;
      stream.pause();
      setTimeout(() => stream.resume(), 5);
    });
    const processed = stream.process(
      async (batch) => {
        await turn();
        return batch.map((text) => text.length);
      },
      { untilEnd: true },
    );
    for (let i = 0; i < 300; i += 1) {
      while (!stream.push('y'.repeat(1000))) await new Promise((resolve) => stream.once('batch-complete', resolve));
    }
    stream.end();
    expect(await processed).toEqual(new Array(300).fill(1000));
    expect(events).toBeGreaterThan(0);
  });
});
