import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { AiEvalsError, DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test, vi } from 'vitest';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const echo = async (batch: number[]) => batch;
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** The loop of the guide. */
async function pushAll(stream: DatasetStream<number>, items: number[]): Promise<number> {
  let refusals = 0;
  for (const item of items) {
    while (!stream.push(item)) {
      refusals += 1;
      await new Promise((resolve) => stream.once('batch-complete', resolve));
    }
  }
  return refusals;
}

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

describe('failures', () => {
  test("a failed batch rejects with the handler's own error and the next process goes on behind it", async () => {
    const stream = new DatasetStream<number>({ batchSize: 10 });
    await pushAll(stream, numbers(50));
    const cause = new Error('provider down');
    const failing = stream.process(async (batch) => {
      if (batch[0] === 20) throw cause;
      return batch;
    });
    await expect(failing).rejects.toBe(cause);
    expect(stream.getStats()).toMatchObject({ itemsProcessed: 20, itemsBuffered: 20 });
    expect(await stream.process(echo)).toEqual(numbers(50).slice(30));
  });

  test('a handler that throws synchronously, or rejects with what is no Error, rejects process with just that', async () => {
    for (const thrown of [new Error('sync'), 'text', undefined, null, 7]) {
      const stream = new DatasetStream<number>();
      stream.push(1);
      const failing = stream.process(() => {
        throw thrown;
      });
      await expect(failing.catch((error: unknown) => [error])).resolves.toEqual([thrown]);
    }
  });

  test('an error event has the error and the batch; without a listener nothing crashes', async () => {
    const stream = new DatasetStream<number>({ batchSize: 2 });
    stream.push(1);
    await expect(stream.process(() => Promise.reject(new Error('quiet')))).rejects.toThrow('quiet');
    const seen: unknown[] = [];
    stream.on('error', (event) => seen.push(event));
    stream.push(2);
    stream.push(3);
    const cause = new Error('loud');
    await expect(stream.process(() => Promise.reject(cause))).rejects.toBe(cause);
    expect(seen).toEqual([{ error: cause, batch: [2, 3] }]);
  });

  test('with concurrency the batches in progress are waited for and the first error wins', async () => {
    const stream = new DatasetStream<number>({ batchSize: 1 });
    await pushAll(stream, numbers(10));
    let running = 0;
    const failing = stream.process(
      async ([n]) => {
        running += 1;
        await sleep(n === 1 ? 1 : 20);
        running -= 1;
        throw new Error(`batch ${n}`);
      },
      { concurrency: 3 },
    );
    await expect(failing).rejects.toThrow('batch 1');
    expect(running).toBe(0);
    expect(stream.getStats().itemsBuffered).toBe(7);
  });

  test('whoever was refused is woken when the run fails or the buffer is cleared', async () => {
    for (const stop of ['fail', 'clear'] as const) {
      const stream = new DatasetStream<number>({ batchSize: 1, bufferSize: 2 });
      let release = () => {};
      const processed = stream.process(
        () =>
          new Promise<number[]>((resolve, reject) => {
            release = () => (stop === 'fail' ? reject(new Error('stop')) : resolve([]));
          }),
        { untilEnd: true },
      );
      processed.catch(() => {});
      stream.push(0);
      await turn();
      stream.push(1);
      stream.push(2);
      expect(stream.push(3)).toBe(false);
      const woken = new Promise((resolve) => stream.once('batch-complete', resolve));
      if (stop === 'clear') {
        stream.clear();
        stream.end();
      }
      release();
      await woken;
    }
  });

  test('a listener that throws hurts nobody', async () => {
    const warnings = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const stream = new DatasetStream<number>({ batchSize: 2, bufferSize: 3 });
    for (const event of ['data', 'backpressure', 'batch-complete', 'pause', 'resume', 'memory-pressure'] as const) {
      stream.on(event, () => {
        throw new Error(event);
      });
    }
    await pushAll(stream, numbers(10));
    stream.pause();
    stream.resume();
    expect(await stream.process(echo)).toEqual(numbers(10));
    expect(warnings).toHaveBeenCalled();
    warnings.mockRestore();
  });
});

describe('pause, end, clear', () => {
  test('a paused stream hands out nothing; a pending process goes on at resume', async () => {
    const stream = new DatasetStream<number>({ batchSize: 2 });
    await pushAll(stream, numbers(6));
    const events: string[] = [];
    stream.on('pause', () => events.push('pause'));
    stream.on('resume', () => events.push('resume'));
    let batches = 0;
    const processed = stream.process(async (batch) => {
      batches += 1;
      if (batches === 1) stream.pause();
      return batch;
    });
    await sleep(10);
    expect(batches).toBe(1);
    expect(stream.isPaused()).toBe(true);
    stream.pause();
    stream.resume();
    stream.resume();
    expect(await processed).toEqual(numbers(6));
    expect(stream.isPaused()).toBe(false);
    expect(events).toEqual(['pause', 'resume']);
  });

  test('while paused every push is accepted', async () => {
    const stream = new DatasetStream<number>({ batchSize: 2, bufferSize: 2 });
    stream.pause();
    const processed = stream.process(echo, { untilEnd: true });
    await turn();
    expect(await pushAll(stream, numbers(100))).toBe(0);
    stream.end();
    stream.resume();
    expect(await processed).toEqual(numbers(100));
  });

  test('clear drops what is buffered, in the heap and outside of it', async () => {
    const stream = new DatasetStream<number>({ bufferSize: 10 });
    await pushAll(stream, numbers(50_000));
    expect(stream.getStats().memoryUsage).toBeGreaterThan(0);
    stream.clear();
    expect(stream.getStats()).toMatchObject({ itemsBuffered: 0, memoryUsage: 0 });
    stream.push(7);
    expect(await stream.process(echo)).toEqual([7]);
  });

  test('close ends a pending process and frees everything', async () => {
    const stream = new DatasetStream<number>();
    const processed = stream.process(echo, { untilEnd: true });
    await turn();
    await stream.close();
    expect(await processed).toEqual([]);
    expect(() => stream.push(1)).toThrow(/end/);
  });
});

describe('abort', () => {
  test('before the start, while waiting, while paused and while a batch runs', async () => {
    const reason = new Error('enough');
    const stream = new DatasetStream<number>({ batchSize: 1 });
    stream.push(1);
    stream.push(2);
    await expect(stream.process(echo, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(stream.getStats().itemsBuffered).toBe(2);

    const running = new AbortController();
    const stuck = stream.process(() => new Promise<void>(() => {}), { signal: running.signal });
    await turn();
    running.abort(reason);
    await expect(stuck).rejects.toBe(reason);
    expect(stream.getStats().itemsBuffered).toBe(1);

    const paused = new AbortController();
    stream.pause();
    const waiting = stream.process(echo, { signal: paused.signal });
    await turn();
    paused.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    stream.resume();
    expect(await stream.process(echo)).toEqual([2]);

    const idle = new AbortController();
    const forever = stream.process(echo, { signal: idle.signal, untilEnd: true });
    await turn();
    idle.abort();
    await expect(forever).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });

  test('an iteration is aborted too', async () => {
    const stream = new DatasetStream<number>();
    stream.push(1);
    const controller = new AbortController();
    const seen: number[] = [];
    const iterate = async () => {
      for await (const item of stream.items({ untilEnd: true, signal: controller.signal })) {
        seen.push(item);
        controller.abort();
      }
    };
    await expect(iterate()).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(seen).toEqual([1]);
  });
});

describe('events and stats', () => {
  test('data for each item, batch-complete for each batch, backpressure when the heap buffer is full', async () => {
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

  test('a new stream has zeros, not NaN', () => {
    expect(new DatasetStream().getStats()).toEqual({
      itemsProcessed: 0,
      itemsBuffered: 0,
      memoryUsage: 0,
      backpressureEvents: 0,
      avgProcessingTime: 0,
      throughput: 0,
    });
  });

  test('times are measured', async () => {
    const stream = new DatasetStream<number>({ batchSize: 5 });
    await pushAll(stream, numbers(20));
    await stream.process(() => sleep(20));
    const { avgProcessingTime, throughput } = stream.getStats();
    expect(avgProcessingTime).toBeGreaterThanOrEqual(18);
    expect(throughput).toBeGreaterThan(0);
    expect(throughput).toBeLessThan(20 / 0.07);
  });

  test('memory pressure pauses and resumes as the guide does, and everything is processed', async () => {
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

  test('memory pressure while a process runs', async () => {
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
