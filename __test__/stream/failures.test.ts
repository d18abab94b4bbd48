import { setTimeout as sleep } from 'node:timers/promises';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test, vi } from 'vitest';
import { echo, numbers, pushAll, turn } from './items';

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

  test('a refused producer is woken when the run fails or the buffer is cleared', async () => {
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
    // Once each, not once an item: every report has a stack.
    expect(warnings.mock.calls.map(([text]) => /'(.*)'/.exec(`${text}`)?.[1]).sort()).toEqual([
      'backpressure',
      'batch-complete',
      'data',
      'pause',
      'resume',
    ]);
    warnings.mockRestore();
  });
});
