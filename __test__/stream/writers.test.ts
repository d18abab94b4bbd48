import { BatchProcessor, ResultWriter } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { numbers, turn } from './items';

describe('ResultWriter', () => {
  test('writes whole batches in order; flush writes the rest; an empty flush calls nobody', async () => {
    const writer = new ResultWriter<number>({ batchSize: 10 });
    const batches: number[][] = [];
    const write = async (batch: number[]) => {
      batches.push(batch);
    };
    for (const n of numbers(25)) await writer.write(n, write);
    expect(batches).toEqual([numbers(10), numbers(20).slice(10)]);
    expect(writer.getStats()).toEqual({ itemsWritten: 20, itemsBuffered: 5, flushes: 2, errors: 0 });
    await writer.flush(write);
    await writer.flush(write);
    expect(batches.flat()).toEqual(numbers(25));
    expect(writer.getStats()).toEqual({ itemsWritten: 25, itemsBuffered: 0, flushes: 3, errors: 0 });
  });

  test('writes batches of 100 by default; writeMany takes any iterable', async () => {
    const writer = new ResultWriter<number>();
    const sizes: number[] = [];
    await writer.writeMany(new Set(numbers(250)), async (batch) => {
      sizes.push(batch.length);
    });
    expect(sizes).toEqual([100, 100]);
    expect(writer.getStats().itemsBuffered).toBe(50);
  });

  test('keeps the order of concurrent writes, one batch at a time', async () => {
    const writer = new ResultWriter<number>({ batchSize: 7 });
    const written: number[] = [];
    let writing = 0;
    const write = async (batch: number[]) => {
      writing += 1;
      expect(writing).toBe(1);
      await turn();
      written.push(...batch);
      writing -= 1;
    };
    await Promise.all(numbers(1000).map((n) => writer.write(n, write)));
    await Promise.all([writer.flush(write), writer.flush(write)]);
    expect(written).toEqual(numbers(1000));
  });

  test('keeps a failed batch, which the next flush writes first', async () => {
    const writer = new ResultWriter<number>({ batchSize: 3 });
    const cause = new Error('database down');
    const attempts: number[][] = [];
    let broken = true;
    const write = async (batch: number[]) => {
      attempts.push([...batch]);
      if (broken) {
        batch.length = 0;
        throw cause;
      }
    };
    await writer.write(0, write);
    await writer.write(1, write);
    await expect(writer.write(2, write)).rejects.toBe(cause);
    expect(writer.getStats()).toEqual({ itemsWritten: 0, itemsBuffered: 3, flushes: 0, errors: 1 });
    await expect(writer.flush(write)).rejects.toBe(cause);
    broken = false;
    await writer.write(3, write);
    await writer.flush(write);
    expect(attempts).toEqual([[0, 1, 2], [0, 1, 2], [0, 1, 2], [3]]);
    expect(writer.getStats()).toEqual({ itemsWritten: 4, itemsBuffered: 0, flushes: 2, errors: 2 });
  });

  test('writes every item once, in order, under random failures and concurrency', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      let state = seed;
      const chance = () => {
        state = (state * 1103515245 + 12345) & 0x7fffffff;
        return state / 0x7fffffff;
      };
      const writer = new ResultWriter<number>({ batchSize: 1 + (seed % 7), bufferSize: 1 + (seed % 5) });
      const written: number[] = [];
      const write = async (batch: number[]) => {
        if (chance() < 0.5) await turn();
        if (chance() < 0.3) throw new Error('flaky');
        written.push(...batch);
      };
      const calls: Promise<unknown>[] = [];
      for (const n of numbers(200)) {
        calls.push(writer.write(n, write).catch(() => {}));
        if (chance() < 0.1) calls.push(writer.flush(write).catch(() => {}));
        if (chance() < 0.2) await turn();
      }
      await Promise.all(calls);
      while (writer.getStats().itemsBuffered > 0) await writer.flush(write).catch(() => {});
      expect(written).toEqual(numbers(200));
      expect(writer.getStats().itemsWritten).toBe(200);
    }
  });

  test('keeps the batch at a synchronous throw, and clear drops it', async () => {
    const writer = new ResultWriter<number>({ batchSize: 1 });
    const failing = () => {
      throw new Error('sync');
    };
    await expect(writer.write(1, failing)).rejects.toThrow('sync');
    expect(writer.getStats().itemsBuffered).toBe(1);
    writer.clear();
    expect(writer.getStats().itemsBuffered).toBe(0);
    const written: number[] = [];
    await writer.write(2, async (batch) => {
      written.push(...batch);
    });
    expect(written).toEqual([2]);
  });

  test('spills results that wait for a broken writer', async () => {
    const writer = new ResultWriter<string>({ batchSize: 10, bufferSize: 20, maxMemory: 100_000 });
    for (let i = 0; i < 3000; i += 1)
      await writer.write(`${i}`.padEnd(1000), () => Promise.reject(new Error('x'))).catch(() => {});
    const written: string[] = [];
    await writer.flush(async (batch) => {
      written.push(...batch);
    });
    expect(written.map(Number)).toEqual(numbers(3000));
  });

  test('refuses misuse', async () => {
    const writer = new ResultWriter<number>();
    await expect(writer.write(1, undefined as never)).rejects.toThrow(TypeError);
    await expect(writer.flush(5 as never)).rejects.toThrow(TypeError);
    await expect(writer.writeMany(5 as never, async () => {})).rejects.toThrow(TypeError);
    expect(writer.getStats().itemsBuffered).toBe(0);
    expect(() => new ResultWriter({ batchSize: 0 })).toThrow(RangeError);
  });
});

describe('BatchProcessor', () => {
  const cases = (count: number) => numbers(count).map((i) => ({ id: `t${i}`, input: i, expected: i }));
  const result = (testCase: { id: string }) => ({ testCaseId: testCase.id }) as never;

  test('takes and runs any number of cases, in order', async () => {
    const processor = new BatchProcessor<number, number>({ batchSize: 50, maxMemory: 100 * 1024 * 1024 });
    processor.addTestCases(cases(10_000));
    expect(processor.addTestCase({ id: 'last', input: 0, expected: 0 })).toBe(true);
    const results = await processor.processAll(async (batch) => {
      expect(batch.length).toBeLessThanOrEqual(50);
      return batch.map(result);
    });
    expect(results.map(({ testCaseId }) => testCaseId)).toEqual([...cases(10_000).map(({ id }) => id), 'last']);
    expect(processor.getResults()).toEqual(results);
    expect(processor.getStats()).toMatchObject({ itemsProcessed: 10_001, itemsBuffered: 0 });
    processor.clear();
    expect(processor.getResults()).toEqual([]);
  });

  test('keeps the results so far after a failure, and the next call goes on', async () => {
    const processor = new BatchProcessor<number, number>({ batchSize: 10 });
    processor.addTestCases(cases(40));
    const failing = processor.processAll(async (batch) => {
      if (batch[0]!.input === 20) throw new Error('down');
      return batch.map(result);
    });
    await expect(failing).rejects.toThrow('down');
    expect(processor.getResults()).toHaveLength(20);
    expect(await processor.processAll(async (batch) => batch.map(result))).toHaveLength(10);
    expect(processor.getResults()).toHaveLength(30);
  });

  test('runs cases that are added while it runs', async () => {
    const processor = new BatchProcessor<number, number>({ batchSize: 2, bufferSize: 2 });
    processor.addTestCases(cases(4));
    let added = false;
    const results = await processor.processAll(async (batch) => {
      if (!added) processor.addTestCases(cases(20));
      added = true;
      return batch.map(result);
    });
    expect(results).toHaveLength(24);
    expect(() => processor.addTestCases(5 as never)).toThrow(TypeError);
    await expect(processor.processAll(undefined as never)).rejects.toThrow(TypeError);
  });
});
