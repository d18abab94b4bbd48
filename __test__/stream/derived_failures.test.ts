import { DatasetStream } from '@aah/ai-evals/performance';
import { describe, expect, test } from 'vitest';
import { all, numbers } from './items';

/** Returns the items that a `process` of `stream` was handed, and the error that it rejected with. */
async function handedOut<T>(stream: DatasetStream<T>): Promise<{ items: T[]; error: unknown }> {
  const items: T[] = [];
  const process = stream.process(async (batch) => {
    items.push(...batch);
  });
  return process.then(
    () => ({ items, error: undefined }),
    (error: unknown) => ({ items, error }),
  );
}

const cause = new Error('no such thing');

test('an iterable that throws gives the items before, in whole and in broken batches, and then its error', async () => {
  function* failing(count: number) {
    yield* numbers(count);
    throw cause;
  }
  for (const count of [0, 30, 50, 120]) {
    expect(await handedOut(DatasetStream.from(failing(count)))).toEqual({ items: numbers(count), error: cause });
  }
  const seen: number[] = [];
  const iterate = async () => {
    for await (const batch of DatasetStream.from(failing(30)).batches(20)) seen.push(...batch);
  };
  await expect(iterate()).rejects.toBe(cause);
  expect(seen).toEqual(numbers(30));
});

describe('a callback that fails', () => {
  const failures = {
    'map, at once': (n: number) => {
      if (n === 30) throw cause;
      return n;
    },
    'map, later': async (n: number) => {
      if (n === 30) throw cause;
      return n;
    },
  };

  test.each(Object.entries(failures))(
    '%s: items before it, its error, and the rest is there again',
    async (_, change) => {
      for (const over of ['pushed', 'source'] as const) {
        const base = over === 'source' ? DatasetStream.from(numbers(100)) : new DatasetStream<number>();
        if (over === 'pushed') for (const n of numbers(100)) base.push(n);
        const mapped = base.map(change);
        const errors: unknown[] = [];
        mapped.on('error', ({ error }) => errors.push(error));
        expect(await handedOut(mapped)).toEqual({ items: numbers(30), error: cause });
        expect(errors).toEqual([cause]);
        if (over === 'pushed') expect(base.getStats()).toMatchObject({ itemsBuffered: 69, itemsProcessed: 31 });
        expect(await handedOut(mapped)).toEqual({ items: numbers(100).slice(31), error: undefined });
      }
    },
  );

  test('leaves the rest of a filter in the stream below, in its place', async () => {
    const base = new DatasetStream<number>({ bufferSize: 20 });
    for (const n of numbers(100)) base.push(n);
    const odd = base.filter((n) => {
      if (n === 30) throw cause;
      return n % 2 === 1;
    });
    expect(await handedOut(odd)).toEqual({ items: numbers(30).filter((n) => n % 2 === 1), error: cause });
    expect(await all(base)).toEqual(numbers(100).slice(31));
  });

  test('rejects an iteration in the same way', async () => {
    const seen: number[] = [];
    const iterate = async () => {
      for await (const n of DatasetStream.from(numbers(100)).map(failures['map, at once'])) seen.push(n);
    };
    await expect(iterate()).rejects.toBe(cause);
    expect(seen).toEqual(numbers(30));
  });
});
