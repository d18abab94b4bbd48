import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ExecutionTask, ParallelExecutor } from '@aah/ai-evals/orchestrator';
import { DatasetError, DatasetStream } from '@aah/ai-evals/performance';
import { afterAll, describe, expect, test } from 'vitest';
import { numbers, turn } from './items';

const directory = mkdtempSync(join(tmpdir(), 'executor-stream-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Case {
  id: string;
  input: number;
  expected: number;
}

function cases(count: number, last = ''): string {
  const path = join(directory, `${count}${last.length}.jsonl`);
  const lines = numbers(count).map((i) => JSON.stringify({ id: `c${i}`, input: i, expected: 2 * i }));
  writeFileSync(path, `${lines.join('\n')}\n${last}`);
  return path;
}

const taskOf = (testCase: Case): ExecutionTask<number, number> => ({
  id: testCase.id,
  testCase,
  runnerConfig: { modelId: 'm' },
});
const executor = () =>
  new ParallelExecutor({
    concurrency: 8,
    rateLimit: { requestsPerMinute: Number.POSITIVE_INFINITY, tokensPerMinute: Number.POSITIVE_INFINITY },
  });

describe('executeTasksStreaming over a DatasetStream', () => {
  test('runs every case of a file once, results in order', async () => {
    const tasks = DatasetStream.fromFile<Case>(cases(3000)).map(taskOf);
    const results = await executor().executeTasksStreaming(tasks, async (task) => {
      if (task.testCase.input % 3 === 0) await turn();
      return task.testCase.input * 2;
    });
    expect(results.map(({ result }) => result)).toEqual(numbers(3000).map((n) => n * 2));
  });

  test('runs pushed cases, those in the heap and those that spilled', async () => {
    const stream = new DatasetStream<ExecutionTask<number, number>>({ bufferSize: 10 });
    for (const i of numbers(2000)) stream.push(taskOf({ id: `c${i}`, input: i, expected: i }));
    const seen: number[] = [];
    for await (const { task } of executor().executeTasksStreaming(stream, async (t) => t.id)) {
      seen.push(task.testCase.input);
    }
    expect(seen).toEqual(numbers(2000));
    expect(stream.getStats()).toMatchObject({ itemsProcessed: 2000, itemsBuffered: 0 });
  });

  test('reads no further ahead than the results are taken', async () => {
    let made = 0;
    const tasks = DatasetStream.from(numbers(1_000_000)).map((i) => {
      made += 1;
      return taskOf({ id: `c${i}`, input: i, expected: i });
    });
    let taken = 0;
    const stream = executor().executeTasksStreaming(tasks, async (t) => t.id, { batchSize: 20, bufferSize: 100 });
    for await (const _ of stream) {
      taken += 1;
      expect(made - taken).toBeLessThan(300);
      if (taken === 500) break;
    }
    const before = made;
    await turn();
    expect(made).toBe(before);
  });

  test("rejects with the file's error at a bad line, after the tasks before it", async () => {
    const path = cases(50, '{"id": oops}\n');
    const ran: string[] = [];
    const tasks = DatasetStream.fromFile<Case>(path).map(taskOf);
    const failure = await executor()
      .executeTasksStreaming(tasks, async (task) => ran.push(task.id))
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(failure).toBeInstanceOf(DatasetError);
    expect(failure).toMatchObject({ file: path, line: 51 });
    expect(ran).toHaveLength(50);
  });

  test('ends at an abort, and the source with it', async () => {
    let closed = false;
    async function* source() {
      try {
        for (let i = 0; ; i += 1) yield taskOf({ id: `c${i}`, input: i, expected: i });
      } finally {
        closed = true;
      }
    }
    const controller = new AbortController();
    let ran = 0;
    const stream = executor().executeTasksStreaming(
      DatasetStream.from(source()),
      async () => {
        ran += 1;
        if (ran === 30) controller.abort();
        await turn();
      },
      { signal: controller.signal },
    );
    for await (const _ of stream);
    expect(ran).toBeGreaterThanOrEqual(30);
    expect(ran).toBeLessThan(60);
    await expect.poll(() => closed).toBe(true);
  });
});
