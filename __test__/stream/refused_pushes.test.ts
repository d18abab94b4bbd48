import { setTimeout as sleep } from 'node:timers/promises';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { echo, numbers, pushAll, turn } from './items';

/** A stream whose buffer is full and whose one batch in progress ends when told. */
async function refused(batchSize = 5) {
  const stream = new DatasetStream<number>({ bufferSize: 10, batchSize });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const processed = stream.process(() => held, { untilEnd: true });
  let pushed = 0;
  while (stream.push(pushed)) pushed += 1;
  const woken = new Promise((resolve) => stream.once('batch-complete', resolve));
  return { stream, processed, woken, release };
}

describe('batch-complete', () => {
  test('follows a refused push when clear() made room, though no batch ends', async () => {
    const { stream, processed, woken, release } = await refused();
    stream.clear();
    expect(await woken).toMatchObject({ batchSize: 0 });
    release();
    stream.end();
    await processed;
  });

  test('follows a refused push when close() ended the stream: the push then says so', async () => {
    const { stream, woken, release } = await refused();
    release();
    await stream.close();
    await woken;
    expect(() => stream.push(1)).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  test('follows a refused push when an iteration beside the process took the items', async () => {
    const stream = new DatasetStream<number>({ bufferSize: 10, batchSize: 5 });
    const iterated: number[] = [];
    const iteration = (async () => {
      for await (const batch of stream.batches(100, { untilEnd: true })) iterated.push(...batch);
    })();
    await turn();
    const processed = stream.process(echo, { untilEnd: true });
    await turn();
    await pushAll(stream, numbers(1000));
    stream.end();
    const results = await processed;
    await iteration;
    expect([...results, ...iterated].sort((a, b) => a - b)).toEqual(numbers(1000));
  });

  test('follows a refused push when the batch that was in progress failed and another process goes on', async () => {
    const stream = new DatasetStream<number>({ batchSize: 5, bufferSize: 5 });
    const failing = stream.process(
      async () => {
        throw new Error('provider down');
      },
      { untilEnd: true },
    );
    const going = stream.process(echo, { untilEnd: true });
    const pushing = pushAll(stream, numbers(20)).then(() => stream.end());
    await expect(failing).rejects.toThrow('provider down');
    await pushing;
    expect(await going).toEqual(numbers(20).slice(5));
  });

  test('follows a refused push when a handler pushes and another one is free, also where the memory and not the number is at its limit', async () => {
    for (const limit of [{ maxMemory: 5000 }, { bufferSize: 10 }]) {
      const stream = new DatasetStream<{ text: string }>({ batchSize: 50, ...limit });
      let [handled, calls] = [0, 0];
      const processed = stream.process(
        async (batch) => {
          calls += 1;
          handled += batch.length;
          if (calls > 1) return;
          await pushAll(stream, new Array(40).fill({ text: 'x'.repeat(300) }));
          stream.end();
        },
        { concurrency: 2, untilEnd: true },
      );
      stream.push({ text: 'first' });
      await processed;
      expect(handled).toBe(41);
    }
  });
});

test('any mix of pushes, processes, failures, pauses and limits delivers every item once and ends', async () => {
  let state = 7;
  const random = (below: number) => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return Math.floor((state / 0x7fffffff) * below);
  };
  async function run() {
    const stream = new DatasetStream<{ i: number; text: string }>({
      batchSize: 1 + random(8),
      bufferSize: 1 + random(15),
      maxMemory: [50, 500, 5000, 1e8][random(4)],
    });
    const seen: number[] = [];
    const handler = async (batch: { i: number }[]) => {
      if (random(3) > 0) await sleep(random(3));
      for (const { i } of batch) seen.push(i);
      if (random(10) === 0) throw new Error('one of ten');
    };
    const consume = async (): Promise<void> => {
      try {
        await stream.process(handler, { concurrency: 1 + random(3), untilEnd: true });
      } catch (error) {
        expect(error).toHaveProperty('message', 'one of ten');
        await consume();
      }
    };
    const items = numbers(120).map((i) => ({ i, text: 'x'.repeat(random(100)) }));
    const consumers = numbers(1 + random(2)).map(consume);
    const pausing = (async () => {
      for (let i = 0; i < 6; i += 1) {
        await sleep(random(6));
        stream.pause();
        await sleep(random(4));
        stream.resume();
      }
    })();
    await pushAll(stream, items);
    stream.end();
    await Promise.all([...consumers, pausing]);
    expect(seen.sort((a, b) => a - b)).toEqual(numbers(120));
    expect(stream.getStats()).toMatchObject({ memoryUsage: 0, itemsBuffered: 0 });
  }
  for (let round = 0; round < 15; round += 1) await Promise.all([run(), run(), run(), run()]);
});
