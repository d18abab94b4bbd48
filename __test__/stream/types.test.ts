import { Readable } from 'node:stream';
import {
  BatchProcessor,
  DatasetStream,
  type FileResultWriter,
  ResultWriter,
  type RunResult,
  type StreamConfig,
  type StreamStats,
  type TestCase,
} from '@aah/ai-evals/performance';
import { expect, expectTypeOf, test } from 'vitest';

interface Row {
  id: string;
  score: number;
}

test('a stream knows its items, in push, process, events and iteration', async () => {
  const config: StreamConfig = { batchSize: 50, maxMemory: 100 * 1024 * 1024, bufferSize: 1000 };
  const stream = new DatasetStream<Row>(config);
  expectTypeOf(stream.push).parameters.toEqualTypeOf<[Row]>();
  stream.on('batch-complete', ({ batchSize, processingTime, totalProcessed }) => {
    expectTypeOf([batchSize, processingTime, totalProcessed]).toEqualTypeOf<number[]>();
  });
  stream.on('data', (row) => expectTypeOf(row).toEqualTypeOf<Row>());
  stream.on('memory-pressure', ({ current, max }) => expectTypeOf([current, max]).toEqualTypeOf<number[]>());
  stream.on('error', ({ error, batch }) => {
    expectTypeOf(error).toBeUnknown();
    expectTypeOf(batch).toEqualTypeOf<Row[]>();
  });
  stream.push({ id: 'a', score: 1 });
  const results = await stream.process(async (batch) => batch.map(({ score }) => score));
  expectTypeOf(results).toEqualTypeOf<number[]>();
  expect(results).toEqual([1]);
  for await (const row of stream) expectTypeOf(row).toEqualTypeOf<Row>();
  for await (const batch of stream.batches(10)) expectTypeOf(batch).toEqualTypeOf<Row[]>();
  expectTypeOf(stream.getStats()).toEqualTypeOf<StreamStats>();
  expectTypeOf(stream.toReadable()).toEqualTypeOf<Readable>();
  // @ts-expect-error: no such item
  expect(stream.push(5)).toBe(true);
});

test('a stream that names no type takes and gives anything', async () => {
  const stream = new DatasetStream();
  stream.push({ anything: 1 });
  const results = await stream.process(async (batch) => batch.map((item) => item.anything));
  expectTypeOf(results[0]).toBeAny();
  expect(results).toEqual([1]);
});

test('sources and derived streams carry the type on', async () => {
  expectTypeOf(DatasetStream.fromFile<Row>('a.jsonl')).toEqualTypeOf<DatasetStream<Row>>();
  expectTypeOf(DatasetStream.from([1, 2])).toEqualTypeOf<DatasetStream<number>>();
  expectTypeOf(DatasetStream.from(new ReadableStream<string>())).toEqualTypeOf<DatasetStream<string>>();
  expectTypeOf(DatasetStream.from<Row>(Readable.from([]))).toEqualTypeOf<DatasetStream<Row>>();
  const mapped = DatasetStream.from([1, 2])
    .filter((n) => n > 1)
    .map(async (n) => ({ id: `${n}`, score: n }))
    .shard(0, 1)
    .take(5);
  expectTypeOf(mapped).toEqualTypeOf<DatasetStream<Row>>();
  expect(await mapped.process(async (batch) => batch)).toEqual([{ id: '2', score: 2 }]);
  const narrowed = DatasetStream.from<string | null>(['a', null]).filter((item): item is string => item !== null);
  expectTypeOf(narrowed).toEqualTypeOf<DatasetStream<string>>();
  expect(await narrowed.process(async (batch) => batch)).toEqual(['a']);
  // @ts-expect-error: no such format
  expect(() => DatasetStream.fromFile('a', { format: 'xml' })).toThrow(RangeError);
});

test('processors and writers carry the types of their items', async () => {
  const processor = new BatchProcessor<string, string>();
  processor.addTestCase({ id: 'a', input: 'q', expected: 'r' });
  const results = await processor.processAll(async (batch) => {
    expectTypeOf(batch).toEqualTypeOf<TestCase<string, string>[]>();
    return [];
  });
  expectTypeOf(results).toEqualTypeOf<RunResult<string>[]>();
  const writer = new ResultWriter<Row>();
  await writer.write({ id: 'a', score: 1 }, async (batch) => {
    expectTypeOf(batch).toEqualTypeOf<Row[]>();
  });
  expectTypeOf(writer.getStats()).toEqualTypeOf<{
    itemsWritten: number;
    itemsBuffered: number;
    flushes: number;
    errors: number;
  }>();
  expect(writer.getStats().itemsBuffered).toBe(1);
  expectTypeOf(ResultWriter.toFile<Row>('a.jsonl')).toEqualTypeOf<FileResultWriter<Row>>();
});
