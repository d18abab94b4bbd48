// Push a dataset of any size; when a push is refused, wait for a batch to finish and push again.
import assert from 'node:assert/strict';
import { DatasetStream, type TestCase } from '@aah/ai-evals/performance';

type Case = Pick<TestCase<number, number>, 'id' | 'input' | 'expected'>;

async function executeBatch(batch: Case[]): Promise<{ id: string; score: number }[]> {
  return batch.map(({ id, input, expected }) => ({ id, score: input * 2 === expected ? 1 : 0 }));
}

async function evaluate(count: number) {
  const stream = new DatasetStream<Case>({ batchSize: 50, maxMemory: 100 * 1024 * 1024, bufferSize: 1000 });
  stream.on('backpressure', ({ bufferSize, maxSize }) => console.log(`buffer: ${bufferSize} of ${maxSize}`));
  for (let i = 0; i < count; i += 1) {
    const testCase = { id: `case-${i}`, input: i, expected: i * 2 };
    while (!stream.push(testCase)) {
      await new Promise((r) => stream.once('batch-complete', r));
    }
  }
  return await stream.process(async (batch) => executeBatch(batch));
}

const results = await evaluate(10000);
console.log(`${results.length} results`);
assert.equal(results.length, 10000);
assert.ok(results.every(({ id, score }, i) => id === `case-${i}` && score === 1));
