import { setTimeout as sleep } from 'node:timers/promises';
import { BatchProcessor, type RunResult, type TestCase } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';
import { numbers } from './items';

const cases = (count: number) => numbers(count).map((i) => ({ id: `c${i}`, input: i, expected: i }));
const ids = (list: { id: string }[]) => list.map(({ id }) => id);
const done = (batch: TestCase[]) => batch.map(({ id }) => ({ testCaseId: id }) as RunResult);
const resultIds = (processor: BatchProcessor) => processor.getResults().map(({ testCaseId }) => testCaseId);

test('getResults keeps, in order, the results of batches beside and behind one that failed', async () => {
  const processor = new BatchProcessor({ batchSize: 10 });
  processor.addTestCases(cases(100));
  const ran: string[] = [];
  const run = processor.processAll(
    async (batch) => {
      ran.push(...ids(batch));
      // The later, the sooner it ends.
      await sleep(batch[0]?.id === 'c0' ? 40 : 5);
      if (batch[0]?.id === 'c10') throw new Error('provider down');
      return done(batch);
    },
    { concurrency: 4 },
  );
  await expect(run).rejects.toThrow('provider down');
  const failed = ids(cases(20).slice(10));
  expect(resultIds(processor)).toEqual(ran.filter((id) => !failed.includes(id)));
  expect(processor.getStats().itemsProcessed).toBe(ran.length - 10);

  const later = await processor.processAll(async (batch) => done(batch));
  expect(later).toHaveLength(100 - ran.length);
  expect(resultIds(processor)).toEqual(ids(cases(100)).filter((id) => !failed.includes(id)));

  const again = processor.takeFailed();
  expect(ids(again)).toEqual(failed);
  expect(processor.takeFailed()).toEqual([]);
  processor.addTestCases(again);
  await processor.processAll(async (batch) => done(batch));
  expect(resultIds(processor).sort()).toEqual(ids(cases(100)).sort());
});

test('processAll leaves batches in progress at an abort to end, with their results in their place', async () => {
  const processor = new BatchProcessor({ batchSize: 1 });
  processor.addTestCases(cases(4));
  const abort = new AbortController();
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const run = processor.processAll(
    async (batch) => {
      await held;
      if (batch[0]?.id === 'c1') throw new Error('late');
      return done(batch);
    },
    { concurrency: 2, signal: abort.signal },
  );
  abort.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  expect(await processor.processAll(async (batch) => done(batch))).toHaveLength(processor.getResults().length);
  release();
  await sleep(1);
  expect([...resultIds(processor), ...ids(processor.takeFailed())].sort()).toEqual(ids(cases(4)));
  expect(resultIds(processor)).toEqual([...resultIds(processor)].sort());
});

test('clear drops cases, failed ones and results', async () => {
  const processor = new BatchProcessor({ batchSize: 1 });
  processor.addTestCases(cases(3));
  const run = processor.processAll(async (batch) => {
    if (batch[0]?.id === 'c1') throw new Error('provider down');
    return done(batch);
  });
  await expect(run).rejects.toThrow('provider down');
  processor.clear();
  expect([processor.getResults(), processor.takeFailed(), processor.getStats().itemsBuffered]).toEqual([[], [], 0]);
});
