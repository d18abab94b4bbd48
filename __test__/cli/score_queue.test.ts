import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import type { Column, Pair } from '../../ts/cli/scorer_columns.js';

const require = createRequire(import.meta.url);
const { ScoreQueue } = require('../../.facade/cli/score_queue.js') as typeof import('../../ts/cli/score_queue.js');
const { Tally, NO_ANSWER } = require('../../.facade/cli/tally.js') as typeof import('../../ts/cli/tally.js');

const caseOf = (index: number) =>
  ({
    index,
    id: `c${index}`,
    input: '',
    expected: index,
    category: 'c',
    actual: undefined,
    problem: undefined,
    repeat: 0,
  }) as const;
const never = new AbortController().signal;

/** A scorer that passes every answer, and the sizes of its batches. */
function counting(asksModel: boolean, until: Promise<void> = Promise.resolve()) {
  const batches: number[] = [];
  const score = async (pairs: readonly Pair[]) => {
    batches.push(pairs.length);
    await until;
    return pairs.map(() => ({ score: 1, passed: true }));
  };
  return { batches, column: { label: 'counting', asksModel, score } satisfies Column };
}

describe('ScoreQueue', () => {
  test.each([
    [false, [128, 128, 44]],
    [true, [...Array.from({ length: 18 }, () => 16), 12]],
  ])('scores in batches, and in smaller ones where a model is asked (%s)', async (asksModel, sizes) => {
    const { batches, column } = counting(asksModel);
    const tally = new Tally();
    const queue = new ScoreQueue([column], tally, never);
    for (let i = 0; i < 300; i += 1) queue.add(caseOf(i), NO_ANSWER);
    await queue.drained();
    expect(batches).toEqual(sizes);
    expect(tally.all).toMatchObject({ total: 300, passed: 300 });
    expect(queue.series.get('counting')!.summary()).toMatchObject({ count: 300, mean: 1, passed: 300 });
  });

  test('is full at eight batches under way, and has room when one is done', async () => {
    let finish = (): void => {};
    const { column } = counting(
      false,
      new Promise((resolve) => {
        finish = resolve;
      }),
    );
    const queue = new ScoreQueue([column], new Tally(), never);
    for (let i = 0; i < 7 * 128; i += 1) queue.add(caseOf(i), NO_ANSWER);
    expect(queue.isFull).toBe(false);
    for (let i = 0; i < 128; i += 1) queue.add(caseOf(i), NO_ANSWER);
    expect(queue.isFull).toBe(true);
    const room = queue.room();
    finish();
    await room;
    expect(queue.isFull).toBe(false);
    await queue.drained();
  });

  test('scores outside the asynchronous context of the task whose answer filled a batch', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const score: Column['score'] = async (pairs) => {
      seen.push(storage.getStore());
      return pairs.map(() => ({ score: 1, passed: true }));
    };
    const queue = new ScoreQueue([{ label: 'x', asksModel: true, score }], new Tally(), never);
    storage.run('task', () => {
      for (let i = 0; i < 16; i += 1) queue.add(caseOf(i), NO_ANSWER);
    });
    await queue.drained();
    expect(seen).toEqual([undefined]);
  });

  test('rejects with the failure of a scorer, and drops what an abort ended', async () => {
    const failing: Column = { label: 'x', asksModel: true, score: () => Promise.reject(new Error('broken')) };
    const queue = new ScoreQueue([failing], new Tally(), never);
    queue.add(caseOf(0), NO_ANSWER);
    await expect(queue.drained()).rejects.toThrow('broken');
    const tally = new Tally();
    const aborted = new ScoreQueue([failing], tally, AbortSignal.abort());
    aborted.add(caseOf(0), NO_ANSWER);
    await aborted.drained();
    expect(tally.all.total).toBe(0);
  });
});
