import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { all, numbers } from './items';

describe('from', () => {
  async function* generate(count: number, closed?: () => void) {
    try {
      for (let i = 0; i < count; i += 1) yield i;
    } finally {
      closed?.();
    }
  }

  test('takes arrays, iterables, async iterables, Readables and web streams', async () => {
    const web = () =>
      new ReadableStream<number>({
        start(controller) {
          for (const n of numbers(120)) controller.enqueue(n);
          controller.close();
        },
      });
    const withoutIterator = () => ({ getReader: () => web().getReader() });
    const sources = [
      numbers(120),
      new Set(numbers(120)),
      generate(120),
      Readable.from(numbers(120)),
      web(),
      withoutIterator(),
    ];
    for (const source of sources) {
      const sizes: number[] = [];
      const results = await DatasetStream.from<number>(source as never, { batchSize: 50 }).process(async (batch) => {
        sizes.push(batch.length);
        return batch;
      });
      expect(results).toEqual(numbers(120));
      expect(sizes).toEqual([50, 50, 20]);
    }
  });

  test('asks for no more than is consumed', async () => {
    let asked = 0;
    async function* counted() {
      for (;;) {
        asked += 1;
        yield asked;
      }
    }
    const stream = DatasetStream.from(counted());
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    expect(asked).toBe(2);
    await iterator.return();
  });

  test('closes generators, Readables and web streams when it is left early', async () => {
    let closed = 0;
    for await (const item of DatasetStream.from(
      generate(9, () => {
        closed += 1;
      }),
    ))
      if (item === 1) break;
    expect(closed).toBe(1);
    const readable = Readable.from(
      generate(9, () => {
        closed += 1;
      }),
    );
    for await (const _ of DatasetStream.from(readable)) break;
    expect(readable.destroyed).toBe(true);
    let cancelled = false;
    const web = new ReadableStream<number>({
      pull: (c) => c.enqueue(1),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const _ of DatasetStream.from<number>({ getReader: () => web.getReader() })) break;
    expect(cancelled).toBe(true);
    const output = DatasetStream.from(
      generate(9, () => {
        closed += 1;
      }),
    ).toReadable();
    for await (const _ of output) break;
    await expect.poll(() => closed).toBe(3);
  });

  test('close does not wait for a source that is waiting for its next item, and closes it then', async () => {
    let closed = false;
    let arrive = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    async function* slow() {
      try {
        await waiting;
        yield 1;
      } finally {
        closed = true;
      }
    }
    const stream = DatasetStream.from(slow());
    const processed = stream.process(async (batch) => batch);
    await new Promise((resolve) => setImmediate(resolve));
    await stream.close();
    expect(await processed).toEqual([]);
    expect(closed).toBe(false);
    arrive();
    await expect.poll(() => closed).toBe(true);
  });

  test('lets a source go that nobody has read from yet', async () => {
    for (const begin of [false, true]) {
      const readable = new Readable({ objectMode: true, read() {} });
      const stream = DatasetStream.from(readable);
      const items = begin ? stream.process(async (batch) => batch, { untilEnd: true }) : [];
      await stream.close();
      expect(await items).toEqual([]);
      expect(readable.destroyed).toBe(true);
    }
    const derived = new Readable({ objectMode: true, read() {} });
    await DatasetStream.from<number>(derived)
      .map((item) => item)
      .close();
    expect(derived.destroyed).toBe(true);
  });

  test('lets a source go that waits for its next item when the consumer leaves', async () => {
    const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
    const stalled = () => {
      const readable = new Readable({ objectMode: true, read() {} });
      readable.push(1);
      return readable;
    };
    const closed = stalled();
    const stream = DatasetStream.from(closed);
    const items = stream.process(async (batch) => batch, { untilEnd: true });
    await turn();
    await stream.close();
    expect(await items).toEqual([]);
    await expect.poll(() => closed.destroyed).toBe(true);

    const aborted = stalled();
    const abort = new AbortController();
    const iterator = DatasetStream.from(aborted).items({ signal: abort.signal });
    await iterator.next();
    const next = iterator.next();
    abort.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await expect.poll(() => aborted.destroyed).toBe(true);

    let cancelled = 0;
    const web = new ReadableStream<number>({
      start: (controller) => controller.enqueue(1),
      cancel: () => {
        cancelled += 1;
      },
    });
    for (const source of [stalled(), web]) {
      const output = DatasetStream.from<number>(source as never).toReadable();
      output.resume();
      await turn();
      const gone = new Promise((resolve) => output.once('close', resolve));
      output.destroy();
      await gone;
      if (source instanceof Readable) await expect.poll(() => source.destroyed).toBe(true);
    }
    expect(cancelled).toBe(1);
    const open = new DatasetStream<number>();
    const waiting = open.toReadable({ untilEnd: true });
    waiting.resume();
    await turn();
    const gone = new Promise((resolve) => waiting.once('close', resolve));
    waiting.destroy();
    await gone;
    expect(open.push(1)).toBe(true);
  });

  test('a stream made of one that is pushed to waits for its end when asked to, and else for what is there', async () => {
    const pushed = new DatasetStream<number>();
    const doubled = pushed.map((item) => item * 2).filter((item) => item !== 4);
    const processed = doubled.process(async (batch) => batch, { untilEnd: true });
    for (const item of [1, 2]) pushed.push(item);
    await new Promise((resolve) => setTimeout(resolve, 5));
    pushed.push(3);
    pushed.end();
    expect(await processed).toEqual([2, 6]);
    const open = new DatasetStream<number>();
    open.push(1);
    expect(await open.map((item) => item + 1).process(async (batch) => batch)).toEqual([2]);
  });

  test('an iterator that gives no result objects is a TypeError, not an endless stream', async () => {
    const sync = { [Symbol.iterator]: () => ({ next: () => 5 }) };
    const async = { [Symbol.asyncIterator]: () => ({ next: async () => undefined }) };
    for (const source of [sync, async]) {
      const failing = DatasetStream.from(source as unknown as Iterable<number>).process(async (batch) => batch);
      await expect(failing).rejects.toThrow(/iterator result/);
      await expect(failing).rejects.toThrow(TypeError);
    }
  });

  test("a source's own error is what the consumer gets", async () => {
    const cause = new Error('socket closed');
    async function* failing() {
      yield 1;
      throw cause;
    }
    const stream = DatasetStream.from(failing(), { batchSize: 10 });
    const seen: number[] = [];
    await expect(
      stream.process(async (batch) => {
        seen.push(...batch);
      }),
    ).rejects.toBe(cause);
    expect(seen).toEqual([1]);
  });
});

describe('derived streams and iteration', () => {
  test('map, filter, take and shard are lazy and chain', async () => {
    let mapped = 0;
    const stream = DatasetStream.from(numbers(1_000_000))
      .map(async (n) => {
        mapped += 1;
        return n * 2;
      })
      .filter((n) => n % 3 === 0)
      .take(4);
    expect(mapped).toBe(0);
    expect(await all(stream)).toEqual([0, 6, 12, 18]);
    expect(mapped).toBeLessThan(100);
    expect(await all(DatasetStream.from(numbers(5)).take(0))).toEqual([]);
  });

  test('the shards of a stream have each item once', async () => {
    const shards = await Promise.all([0, 1, 2].map((i) => all(DatasetStream.from(numbers(100)).shard(i, 3))));
    expect(shards[1]!.slice(0, 3)).toEqual([1, 4, 7]);
    expect(shards.flat().sort((a, b) => a - b)).toEqual(numbers(100));
    expect(() => DatasetStream.from([1]).shard(3, 3)).toThrow(RangeError);
    const sharded = DatasetStream.from(numbers(10));
    sharded.shard(0, 2);
    // The two would take items from one another, and half of the dataset would be missing.
    expect(() => sharded.shard(1, 2)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  test('batches gives arrays, the rest at the end', async () => {
    const sizes: number[] = [];
    for await (const batch of DatasetStream.from(numbers(25)).batches(10)) sizes.push(batch.length);
    expect(sizes).toEqual([10, 10, 5]);
    await expect(all(DatasetStream.from([1]).batches(0))).rejects.toThrow(RangeError);
  });

  test('a pushed stream is iterated until it is drained; leaving early loses nothing', async () => {
    const stream = new DatasetStream<number>({ bufferSize: 3 });
    for (const n of numbers(10)) stream.push(n);
    for await (const item of stream) if (item === 4) break;
    expect(await all(stream)).toEqual([5, 6, 7, 8, 9]);
    expect(stream.getStats().itemsProcessed).toBe(10);
  });

  test('toReadable pipes on', async () => {
    const chunks = await Readable.from(DatasetStream.from(numbers(5)).toReadable()).toArray();
    expect(chunks).toEqual(numbers(5));
  });
});
