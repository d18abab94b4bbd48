/** The examples of the guide, at 100,000 cases. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BatchProcessor, DatasetStream, type RunResult, type TestCase } from '@aah/ai-evals/performance';
import { expect, test } from 'vitest';
import { numbers, pushAll, turn } from './items';

const COUNT = 100_000;

const testCase = (i: number): TestCase<string, string> => ({
  id: `case-${i}`,
  input: `question ${i}`,
  expected: `${i}`,
  metadata: { difficulty: 'easy', category: 'c', tags: [], createdAt: new Date(i), source: 'synthetic' },
});
function* testCases() {
  for (let i = 0; i < COUNT; i += 1) yield testCase(i);
}

const resultOf = ({ id, input, expected }: TestCase<string, string>): RunResult<string> => ({
  testCaseId: id,
  input,
  expected,
  actual: expected,
  metadata: {
    modelId: 'm',
    latency: 1,
    tokenUsage: { prompt: 1, completion: 1, total: 2 },
    cost: 0,
    timestamp: new Date(0),
  },
});
const executeBatch = async (batch: TestCase<string, string>[]) => batch.map(resultOf);
const ids = (results: RunResult[]) => results.map(({ testCaseId }) => Number(testCaseId.slice(5)));

test('process gives everything, once, in order, after a loop of pushes that waits where one is refused', async () => {
  const stream = new DatasetStream<TestCase<string, string>>({
    batchSize: 50,
    maxMemory: 100 * 1024 * 1024,
    bufferSize: 1000,
  });
  await pushAll(stream, testCases());
  const results = await stream.process(async (batch) => executeBatch(batch));
  expect(ids(results)).toEqual(numbers(COUNT));
});

test('the same loop ends while process runs and refuses pushes', async () => {
  const stream = new DatasetStream<TestCase<string, string>>({ batchSize: 50, bufferSize: 1000 });
  const processed = stream.process(
    async (batch) => {
      if (batch[0]?.id.endsWith('000')) await turn();
      return executeBatch(batch);
    },
    { untilEnd: true, concurrency: 4 },
  );
  expect(await pushAll(stream, testCases())).toBeGreaterThan(0);
  stream.end();
  expect(ids(await processed)).toEqual(numbers(COUNT));
});

test('a handler of memory pressure pauses, collects and resumes later', async () => {
  const stream = new DatasetStream<TestCase<string, string>>({ batchSize: 50, maxMemory: 50_000 });
  let pressed = 0;
  stream.on('memory-pressure', ({ current, max }) => {
    expect(current).toBeGreaterThan(max);
    pressed += 1;
    stream.pause();
    global.gc?.();
    setTimeout(() => stream.resume(), 1000);
  });
  await pushAll(stream, testCases());
  const results = await stream.process(async (batch) => executeBatch(batch));
  expect(ids(results)).toEqual(numbers(COUNT));
  expect(pressed).toBeGreaterThan(0);
});

test('the same handler works while process runs', async () => {
  const stream = new DatasetStream<TestCase<string, string>>({
    batchSize: 500,
    maxMemory: 1_000_000,
    bufferSize: 50_000,
  });
  let pressed = 0;
  stream.on('memory-pressure', () => {
    pressed += 1;
    stream.pause();
    setTimeout(() => stream.resume(), 20);
  });
  const processed = stream.process(
    async (batch) => {
      await sleep(0);
      return executeBatch(batch);
    },
    { untilEnd: true },
  );
  await pushAll(stream, testCases());
  stream.end();
  expect(ids(await processed)).toEqual(numbers(COUNT));
  expect(pressed).toBeGreaterThan(0);
});

test('BatchProcessor takes all cases at once and runs each of them once', async () => {
  const processor = new BatchProcessor<string, string>({ batchSize: 50, maxMemory: 100 * 1024 * 1024 });
  processor.addTestCases(testCases());
  expect(processor.getStats().itemsBuffered).toBe(COUNT);
  const results = await processor.processAll(executeBatch);
  expect(ids(results)).toEqual(numbers(COUNT));
  expect(processor.getResults()).toEqual(results);
  expect(processor.getStats()).toMatchObject({ itemsProcessed: COUNT, itemsBuffered: 0 });
});
