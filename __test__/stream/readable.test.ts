import { once } from 'node:events';
import { Writable } from 'node:stream';
import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { all, numbers, turn } from './items';

function pushed(count: number): DatasetStream<number> {
  const stream = new DatasetStream<number>();
  for (const n of numbers(count)) stream.push(n);
  return stream;
}

describe('toReadable', () => {
  test('hands over every item in order, in any way of reading', async () => {
    expect(await all(pushed(333).toReadable())).toEqual(numbers(333));
    const data: number[] = [];
    const flowing = pushed(333)
      .toReadable()
      .on('data', (n: number) => data.push(n));
    await once(flowing, 'end');
    expect(data).toEqual(numbers(333));
    const written: number[] = [];
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (n: number, _, done) => {
        written.push(n);
        setImmediate(done);
      },
    });
    await once(pushed(333).toReadable().pipe(slow), 'finish');
    expect(written).toEqual(numbers(333));
  });

  test('leaves pushed items that were not read in the stream, in their place', async () => {
    const stream = pushed(200);
    let read = 0;
    for await (const _ of stream.toReadable()) {
      read += 1;
      if (read === 10) break;
    }
    expect(stream.getStats()).toMatchObject({ itemsBuffered: 190, itemsProcessed: 10 });
    const flowing = stream.toReadable();
    const data: number[] = [];
    flowing.on('data', (n: number) => {
      data.push(n);
      if (n === 77) flowing.destroy();
    });
    await once(flowing, 'close');
    expect(data).toEqual(numbers(78).slice(10));
    const prefetched = stream.toReadable();
    prefetched.read(0);
    await turn();
    expect(prefetched.readableLength).toBeGreaterThan(1);
    prefetched.destroy();
    await once(prefetched, 'close');
    expect(await all(stream)).toEqual(numbers(200).slice(78));
  });

  test('refuses null with an error; errors of the source and aborts destroy it', async () => {
    const stream = new DatasetStream<unknown>();
    for (const item of [1, null, 2]) stream.push(item);
    const seen: unknown[] = [];
    const read = async () => {
      for await (const item of stream.toReadable()) seen.push(item);
    };
    await expect(read()).rejects.toThrow(TypeError);
    await expect(all(DatasetStream.fromFile('/not/there').toReadable())).rejects.toMatchObject({ code: 'ERR_DATASET' });
    const abort = new AbortController();
    const waiting = all(new DatasetStream().toReadable({ untilEnd: true, signal: abort.signal }));
    await turn();
    abort.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
