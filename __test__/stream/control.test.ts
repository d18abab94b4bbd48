import { setTimeout as sleep } from 'node:timers/promises';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { all, echo, longestTurn, numbers, pushAll, threadMs, turn } from './items';

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

  test('a paused stream accepts every push', async () => {
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

  test('close ends the consumers of a paused stream', async () => {
    for (const stream of [new DatasetStream<number>(), DatasetStream.from([1, 2, 3])]) {
      stream.pause();
      const consumers = [stream.process(echo, { untilEnd: true }), stream.items({ untilEnd: true }).next()];
      await turn();
      await stream.close();
      expect(await Promise.all(consumers)).toEqual([[], { done: true, value: undefined }]);
    }
  });
});

describe('the event loop', () => {
  const consumers: [string, (stream: DatasetStream<number>) => Promise<number>][] = [
    ['items', async (stream) => count(stream)],
    ['batches', async (stream) => count(stream.batches(1))],
    ['process', async (stream) => (await stream.process(echo)).length],
    ['a filter that keeps nothing', async (stream) => (await count(stream.filter(() => false))) + 60_000],
  ];
  async function count(iterable: AsyncIterable<unknown>) {
    let items = 0;
    for await (const _ of iterable) items += 1;
    return items;
  }

  test.each(consumers)('has its turns during %s of what is there already', async (_, consume) => {
    const pushed = new DatasetStream<number>({ batchSize: 1, bufferSize: 100_000 });
    await pushAll(pushed, numbers(60_000));
    for (const stream of [pushed, DatasetStream.from(numbers(60_000), { batchSize: 1 })]) {
      let turns = 0;
      const timer = setInterval(() => {
        turns += 1;
      }, 1);
      const before = threadMs();
      expect(await consume(stream)).toBe(60_000);
      const took = threadMs() - before;
      clearInterval(timer);
      // At least a turn every 20 ms.
      expect(turns).toBeGreaterThan(took / 20 - 1);
      expect(turns).toBeGreaterThan(0);
    }
  });
});

describe('a batch of much that spilled', () => {
  const spilled = async (batchSize: number) => {
    const stream = new DatasetStream<{ i: number }>({ bufferSize: 10, maxMemory: 1 << 20, batchSize });
    await pushAll(
      stream,
      numbers(40_000).map((i) => ({ i, text: `${i}`.repeat(100) })),
    );
    return stream;
  };
  const placesOf = (items: { i: number }[]) => items.map(({ i }) => i);

  test.each([
    ['batches', (stream: DatasetStream<{ i: number }>) => all(stream.batches(40_000))],
    ['process', (stream: DatasetStream<{ i: number }>) => stream.process(async (batch) => [batch])],
  ])('is brought back by turns of the event loop: %s', async (_, consume) => {
    const longest = [];
    for (let i = 0; i < 3; i += 1) {
      const stream = await spilled(40_000);
      let got: { i: number }[][] = [];
      longest.push(
        await longestTurn(async () => {
          got = await consume(stream);
        }),
      );
      expect(got.map(placesOf)).toEqual([numbers(40_000)]);
    }
    expect(Math.min(...longest)).toBeLessThan(20);
  });

  test('is not lost when it is aborted, and not split by who takes between two turns', async () => {
    const stream = await spilled(40_000);
    const controller = new AbortController();
    const aborted = stream.process(() => {}, { signal: controller.signal });
    await turn();
    controller.abort();
    await expect(aborted).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    const [batches, others] = await Promise.all([all(stream.batches(15_000)), all(stream.batches(7_000))]);
    const places = [...batches, ...others].map(placesOf);
    for (const batch of places) expect(batch).toEqual(numbers(batch.length).map((i) => i + (batch[0] ?? 0)));
    expect(places.flat().sort((a, b) => a - b)).toEqual(numbers(40_000));
  });
});

describe('signal', () => {
  test('rejects process before the start, while waiting, while paused and while a batch runs', async () => {
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

  test('aborts an iteration too', async () => {
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
