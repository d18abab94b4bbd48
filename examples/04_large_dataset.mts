// A dataset with far more cases than fit the buffer, in batches, in bounded memory.
import assert from 'node:assert/strict';
import type { RunResult, TestCase } from '@aah/ai-evals/performance';
import { BatchProcessor } from '@aah/ai-evals/performance';

const processor = new BatchProcessor<number, number>({ batchSize: 50, maxMemory: 100 * 1024 * 1024 });

const all: TestCase<number, number>[] = Array.from({ length: 5000 }, (_, i) => ({
  id: `case-${i}`,
  input: i,
  expected: i * 2,
  metadata: { difficulty: 'easy', category: 'doubling', tags: [], createdAt: new Date(), source: 'synthetic' },
}));

async function executeBatch(batch: TestCase<number, number>[]): Promise<RunResult<number>[]> {
  return batch.map(({ id, input, expected }) => ({
    testCaseId: id,
    input,
    expected,
    actual: input * 2,
    metadata: {
      modelId: 'local/doubler',
      latency: 0,
      tokenUsage: { prompt: 0, completion: 0, total: 0 },
      cost: 0,
      timestamp: new Date(),
    },
  }));
}

processor.addTestCases(all);
const results = await processor.processAll(executeBatch);

console.log(`${results.length} results, the last of ${results.at(-1)?.testCaseId}`);
assert.equal(results.length, 5000);
assert.ok(results.every((result, i) => result.testCaseId === `case-${i}` && result.actual === i * 2));
