import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test('a finished run with a timeout does not keep the process alive', () => {
  const program = `
    const { ParallelExecutor } = require('@aah/ai-evals/orchestrator');
    const executor = new ParallelExecutor({ concurrency: 2, timeout: 60_000 });
    const task = { id: 'a', testCase: { id: 'a', input: 1, expected: 1 }, runnerConfig: { modelId: 'm' } };
    executor.executeTasks([task], async () => 1).then(([{ result }]) => console.log('result', result));`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['-e', program], {
    timeout: 20_000,
    encoding: 'utf8',
  });
  expect({ status, signal, stdout }).toEqual({ status: 0, signal: null, stdout: 'result 1\n' });
});
