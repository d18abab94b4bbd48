import { setTimeout as sleep } from 'node:timers/promises';
import { type EvalReport, type JobTask, ReportGenerator, type RunFunction } from '@aah/ai-evals/orchestrator';
import { exactMatch } from '@aah/ai-evals/scorers';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { config, dataset, echo, equal, Gate, orchestrator, until } from './jobs.js';

const counts = ({ summary: { totalTests, passed, failed, errors } }: EvalReport) => [
  totalTests,
  passed,
  failed,
  errors,
];
const UUID = /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** Gathers process warnings until the end of the test. */
function warnings(): string[] {
  const told: string[] = [];
  const listen = (warning: Error) => void told.push(warning.message);
  process.on('warning', listen);
  onTestFinished(() => void process.off('warning', listen));
  return told;
}

describe('executeJob', () => {
  it('counts every case once: 1 pass and 9 errors are 10 % of 10', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config());
    const run: RunFunction = async (task) => {
      if (task.testCase.id !== 'c0') throw new Error('down');
      return echo(task);
    };
    const report = await jobs.executeJob(id, [dataset(10)], run, equal);
    expect(counts(report)).toEqual([10, 1, 0, 9]);
    expect(report.summary).toMatchObject({ accuracy: 10, status: 'completed' });
    expect(report.runSummaries[0]!.results[1]).toMatchObject({
      actual: null,
      metadata: { error: { message: 'down' } },
    });
    expect(jobs.getProgress(id)).toMatchObject({ completedTests: 1, failedTests: 9, progress: 100 });
    expect(jobs.getProgress(id)!.errors).toHaveLength(9);
  });

  it('counts what fails in any way as an error, once', async () => {
    const faults: Record<string, () => unknown> = {
      c0: () => Promise.reject(new Error('rejects')),
      c1: () => {
        throw 'a string';
      },
      c2: () => undefined,
      c3: () => 'no object',
      c4: () => ({ actual: 4, metadata: { error: 'told' } }),
      c5: () => ({ actual: 5, metadata: null }),
      c6: () => ({ actual: 'the scorer throws' }),
      c7: () => ({ actual: 'the scorer is silent' }),
      c8: () => ({ actual: 8 }),
      c9: () => ({ testCaseId: 'another', actual: 0 }),
    };
    const scorer = (result: { actual: unknown; expected: unknown }) => {
      if (result.actual === 'the scorer throws') throw new Error('no judge');
      return result.actual === 'the scorer is silent' ? (undefined as never) : equal(result);
    };
    const jobs = orchestrator();
    const id = jobs.createJob(config());
    const report = await jobs.executeJob(id, [dataset(10)], ({ testCase }) => faults[testCase.id]!() as never, scorer);
    expect(counts(report)).toEqual([10, 2, 1, 7]);
    expect(report.metrics.cases!.map(({ testCaseId }) => testCaseId)).toEqual(Object.keys(faults));
    expect(report.metrics.cases!.filter(({ error }) => error).map(({ testCaseId }) => testCaseId)).toEqual([
      'c0',
      'c1',
      'c2',
      'c3',
      'c4',
      'c6',
      'c7',
    ]);
    expect(jobs.getProgress(id)).toMatchObject({ completedTests: 5, failedTests: 5, progress: 100 });
    expect(
      jobs
        .getProgress(id)!
        .errors.map(({ type }) => type)
        .toSorted(),
    ).toEqual([...Array.from({ length: 5 }, () => 'execution'), ...['scoring', 'scoring']]);
  });

  it('completes results without metadata from the task and the clock', async () => {
    const jobs = orchestrator();
    const report = await jobs.executeJob(jobs.createJob(config()), [dataset(1)], echo, equal);
    expect(report.runSummaries[0]!.results[0]).toMatchObject({
      ...{ testCaseId: 'c0', input: 0, expected: 0, actual: 0 },
      metadata: { modelId: 'm', category: 'even', latency: expect.any(Number), timestamp: expect.any(Date) },
    });
    expect(report.metrics.breakdown).toHaveProperty('even');
  });

  it('reports progress of at most 100 % over all configurations and repeats', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config({ runnerConfigs: [{ modelId: 'a' }, { modelId: 'b' }], repeats: 3 }));
    const seen: number[] = [];
    const onProgress = ({ progress }: { progress: number }) => void seen.push(progress);
    const report = await jobs.executeJob(id, [dataset(21)], echo, equal, { onProgress });
    expect(counts(report)[0]).toBe(126);
    expect(seen).toHaveLength(127);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen.at(-1)).toBe(100);
    expect(jobs.getProgress(id)).toMatchObject({ totalTests: 126, completedTests: 126, failedTests: 0 });
  });

  it('makes every call exactly once, and puts each answer in its place', async () => {
    const size = { min: 0, max: 4 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(5), { maxLength: 3 }),
        fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.integer(size), { minLength: 1, maxLength: 5 }),
        async (sizes, models, repeats, delays) => {
          const jobs = orchestrator();
          const datasets = sizes.map((count, i) => dataset(count, `d${i}`));
          const runnerConfigs = models.map((modelId, i) => ({ modelId, temperature: i }));
          const id = jobs.createJob(config({ datasetIds: datasets.map((one) => one.id), runnerConfigs, repeats }));
          const calls: string[] = [];
          const nameOf = ({ datasetId, testCase, runnerConfig, repeat }: JobTask) =>
            `${datasetId} ${runnerConfig.temperature} ${testCase.id} ${repeat}`;
          const run: RunFunction = async (task) => {
            calls.push(nameOf(task));
            for (let i = delays[calls.length % delays.length]!; i > 0; i -= 1) await null;
            return { actual: nameOf(task) };
          };
          const report = await jobs.executeJob(id, datasets, run, equal);
          const expected = datasets.flatMap((one) =>
            models.flatMap((_, m) =>
              one.testCases.flatMap(({ id: caseId }) =>
                Array.from({ length: repeats }, (_, repeat) => `${one.id} ${m} ${caseId} ${repeat}`),
              ),
            ),
          );
          expect(report.runSummaries.flatMap(({ results }) => results.map(({ actual }) => actual))).toEqual(expected);
          expect(calls.toSorted()).toEqual(expected.toSorted());
          expect(counts(report)).toEqual([expected.length, 0, expected.length, 0]);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('keeps the same model with two settings, and a case that a dataset holds twice, apart', async () => {
    const jobs = orchestrator();
    const runnerConfigs = [
      { modelId: 'm', temperature: 0 },
      { modelId: 'm', temperature: 1 },
    ];
    const twice = { id: 'd', testCases: [...dataset(1).testCases, ...dataset(1).testCases] };
    const ids: string[] = [];
    const run: RunFunction = async ({ id, testCase, runnerConfig }) => {
      ids.push(id);
      return { actual: runnerConfig.temperature === 0 ? testCase.input : 'wrong' };
    };
    const report = await jobs.executeJob(jobs.createJob(config({ runnerConfigs })), [twice], run, equal);
    expect(report.runSummaries.map(({ config: { temperature } }) => temperature)).toEqual([0, 1]);
    expect(report.metrics.cases!.map(({ modelId, passed }) => [modelId, passed])).toEqual([
      ...[
        ['m', true],
        ['m', true],
      ],
      ...[
        ['m#2', false],
        ['m#2', false],
      ],
    ]);
    expect(new Set(report.runSummaries.map(({ runId }) => runId)).size).toBe(2);
    expect(report.runSummaries[0]!.runId).toMatch(UUID);
    expect(ids).toEqual(['c0-m', 'c0-m#2', 'c0-m', 'c0-m#2']);
  });

  it('names dataset, model and run in every verdict', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config({ runnerConfigs: [{ modelId: 'a' }, { modelId: 'b' }] }));
    const report = await jobs.executeJob(id, [dataset(1)], echo, equal);
    const [first, second] = report.runSummaries;
    expect(report.scoringResults).toMatchObject([
      { testCaseId: 'c0', datasetId: 'd', modelId: 'a', runId: first!.runId },
      { testCaseId: 'c0', datasetId: 'd', modelId: 'b', runId: second!.runId },
    ]);
  });

  it('takes wall time, not the sum of calls', async () => {
    const jobs = orchestrator();
    const run: RunFunction = async (task) => {
      await sleep(50);
      return echo(task);
    };
    const report = await jobs.executeJob(jobs.createJob(config()), [dataset(5)], run, equal);
    const [summary] = report.runSummaries;
    expect(summary!.totalDuration).toBe(summary!.endTime.getTime() - summary!.startTime.getTime());
    expect(report.summary.duration).toBe(summary!.totalDuration);
    const calls = summary!.results.map(({ metadata }) => metadata.latency).reduce((a, b) => a + b);
    expect(report.executionMetrics!.avgExecutionTime).toBeCloseTo(calls / 5, 5);
    expect(report.executionMetrics!.totalExecutionTime).toBeLessThan(calls);
  });

  it.each([
    [{ parallel: false, concurrency: 7 }, 1],
    [{ concurrency: 3 }, 3],
    [{}, 10],
  ])('with %o has %i calls in flight', async (more, most) => {
    const jobs = orchestrator();
    const gate = new Gate();
    const run: RunFunction = async (task) => {
      await gate.pass();
      return echo(task);
    };
    const report = jobs.executeJob(jobs.createJob(config(more)), [dataset(30)], run, equal);
    await until(() => gate.arrived === most);
    for (let i = 0; i < 20; i += 1) await sleep(0);
    expect(gate.arrived).toBe(most);
    gate.open();
    expect(counts(await report)).toEqual([30, 30, 0, 0]);
  });

  it('scores answers at once, and while calls go on', async () => {
    const jobs = orchestrator();
    const gate = new Gate();
    const scorer = async (result: { actual: unknown; expected: unknown }) => {
      await gate.pass();
      return equal(result);
    };
    const report = jobs.executeJob(jobs.createJob(config({ concurrency: 4 })), [dataset(20)], echo, scorer);
    await until(() => gate.arrived === 4);
    gate.open();
    expect(counts(await report)).toEqual([20, 20, 0, 0]);
  });

  it('takes a native scorer, and makes one of scorerConfig where none is given', async () => {
    const jobs = orchestrator();
    const run: RunFunction = async ({ testCase }) => ({ actual: testCase.id === 'c1' ? 'wrong' : testCase.expected });
    const texts = { id: 'd', testCases: dataset(3).testCases.map((one) => ({ ...one, expected: `${one.expected}` })) };
    const first = await jobs.executeJob(jobs.createJob(config()), [texts], run, exactMatch());
    expect(counts(first)).toEqual([3, 2, 1, 0]);
    expect(counts(await jobs.executeJob(jobs.createJob(config()), [texts], run))).toEqual([3, 2, 1, 0]);
  });

  it('rejects for a job, a function and a dataset that there are not', async () => {
    const jobs = orchestrator();
    await expect(jobs.executeJob('x', [], echo, equal)).rejects.toThrow('Job not found: x');
    const id = jobs.createJob(config());
    await expect(jobs.executeJob(id, [dataset(1)], undefined as never, equal)).rejects.toThrow(
      /run must be a function/,
    );
    expect(jobs.getJob(id)!.status).toBe('pending');
    await expect(jobs.executeJob(id, [{ id: 'd' } as never], echo, equal)).rejects.toThrow(/datasets\[0\]\.testCases/);
    expect(jobs.getJob(id)).toMatchObject({ status: 'failed', error: expect.stringContaining('datasets[0]') });
    expect(counts(await jobs.executeJob(id, [dataset(1)], echo, equal))).toEqual([1, 1, 0, 0]);
    expect(jobs.getJob(id)).not.toHaveProperty('error');
    await expect(jobs.executeJob(id, [dataset(1)], echo, equal)).rejects.toThrow(/is completed and cannot be executed/);
  });

  it('says which datasets a job names and nobody gave', async () => {
    const told = warnings();
    const jobs = orchestrator();
    await jobs.executeJob(jobs.createJob(config({ datasetIds: ['d', 'e'] })), [dataset(1)], echo, equal);
    await until(() => told.length > 0);
    expect(told[0]).toMatch(/was not given: e\./);
  });

  it('goes on when onProgress throws', async () => {
    const told = warnings();
    const jobs = orchestrator();
    const onProgress = () => {
      throw new Error('bad listener');
    };
    const report = await jobs.executeJob(jobs.createJob(config()), [dataset(2)], echo, equal, { onProgress });
    expect(counts(report)).toEqual([2, 2, 0, 0]);
    await until(() => told.length > 0);
    expect(told[0]).toMatch(/bad listener/);
  });
});

describe('jobs at once', () => {
  it('know nothing of each other', async () => {
    const jobs = orchestrator();
    const gate = new Gate();
    const good: RunFunction = async (task) => {
      await gate.pass();
      return echo(task);
    };
    const bad: RunFunction = async () => {
      await gate.pass();
      throw new Error('down');
    };
    const [a, b] = [jobs.createJob(config()), jobs.createJob(config())];
    const reports = [jobs.executeJob(a, [dataset(8)], good, equal), jobs.executeJob(b, [dataset(9)], bad, equal)];
    await until(() => gate.arrived === 17);
    expect(jobs.getQueueStats()).toMatchObject({ running: 2, availableSlots: 3 });
    gate.open();
    expect((await Promise.all(reports)).map(counts)).toEqual([
      [8, 8, 0, 0],
      [9, 0, 0, 9],
    ]);
    expect(jobs.getProgress(a)).toMatchObject({ completedTests: 8, failedTests: 0, errors: [] });
    expect(jobs.getProgress(b)).toMatchObject({ completedTests: 0, failedTests: 9 });
  });

  it('wait as pending above maxConcurrentJobs, first come first served', async () => {
    const jobs = orchestrator({ maxConcurrentJobs: 2 });
    const gates = Array.from({ length: 5 }, () => new Gate());
    const ids = gates.map(() => jobs.createJob(config()));
    const reports = ids.map((id, i) =>
      jobs.executeJob(id, [dataset(1)], (task) => gates[i]!.pass().then(() => echo(task)), equal),
    );
    const states = () => ids.map((id) => jobs.getJob(id)!.status);
    await until(() => gates[1]!.arrived === 1);
    expect(states()).toEqual(['running', 'running', 'pending', 'pending', 'pending']);
    await expect(jobs.executeJob(ids[2]!, [], echo, equal)).rejects.toThrow(/is being executed already/);
    gates[1]!.open();
    await until(() => gates[2]!.arrived === 1);
    expect(states()).toEqual(['running', 'completed', 'running', 'pending', 'pending']);
    await jobs.cancelJob(ids[3]!);
    expect((await reports[3]!).summary).toMatchObject({ status: 'cancelled', totalTests: 0, notRun: 1 });
    for (const gate of gates) gate.open();
    await Promise.all(reports);
    expect(states()).toEqual(['completed', 'completed', 'completed', 'cancelled', 'completed']);
    expect(gates[3]!.arrived).toBe(0);
  });

  it('share the limits and slots of workerConfig', async () => {
    const jobs = orchestrator({ workerConfig: { rateLimit: {}, concurrency: 3 } });
    const gate = new Gate();
    const reports = [1, 2].map(() =>
      jobs.executeJob(jobs.createJob(config()), [dataset(5)], (task) => gate.pass().then(() => echo(task)), equal),
    );
    await until(() => gate.arrived === 3);
    for (let i = 0; i < 20; i += 1) await sleep(0);
    expect(gate.arrived).toBe(3);
    gate.open();
    expect((await Promise.all(reports)).map((report) => counts(report)[1])).toEqual([5, 5]);
  });
});

describe('cancelJob', () => {
  it('at any moment starts nothing more, tells what runs, and keeps what was answered', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 25 }), fc.boolean(), async (moment, isScoring) => {
        const jobs = orchestrator();
        const id = jobs.createJob(config({ concurrency: 3 }));
        const [started, told, answered]: [string[], string[], string[]] = [[], [], []];
        let cancelled = false;
        let steps = 0;
        const step = async () => {
          steps += 1;
          if (steps === moment) {
            cancelled = true;
            await jobs.cancelJob(id);
          }
        };
        const run: RunFunction = async (task, { signal }) => {
          expect(cancelled).toBe(false);
          started.push(task.id);
          signal.addEventListener('abort', () => told.push(task.id));
          if (!isScoring) await step();
          await null;
          if (!cancelled) answered.push(task.testCase.id);
          return echo(task);
        };
        const scorer = async (result: { actual: unknown; expected: unknown }) => {
          if (isScoring) await step();
          return equal(result);
        };
        const report = await jobs.executeJob(id, [dataset(20)], run, scorer);
        const kept = report.runSummaries[0]!.results.map(({ testCaseId }) => testCaseId);
        expect(kept.toSorted()).toEqual(expect.arrayContaining(answered.toSorted()));
        expect(report.summary.passed).toBe(kept.length);
        if (cancelled) {
          expect(report.summary.status).toBe('cancelled');
          expect(jobs.getJob(id)!.status).toBe('cancelled');
          expect(kept.length + (report.summary.notRun ?? 0)).toBe(20);
        } else expect([report.summary.status, kept.length]).toEqual(['completed', 20]);
        if (cancelled && !isScoring) expect(told.length).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });

  it('of a job whose calls and scorers never end ends it', async () => {
    const jobs = orchestrator({ workerConfig: { rateLimit: {}, grace: 10 } });
    const id = jobs.createJob(config({ concurrency: 2 }));
    const gate = new Gate();
    const never = () => gate.pass().then(() => ({ passed: true }));
    const run: RunFunction = (task) => (task.testCase.id === 'c0' ? echo(task) : gate.pass().then(() => echo(task)));
    const report = jobs.executeJob(id, [dataset(5)], run, never);
    await until(() => gate.arrived === 3);
    await jobs.cancelJob(id);
    expect((await report).summary).toMatchObject({ status: 'cancelled', totalTests: 1, errors: 1, notRun: 4 });
  });

  it('is final: the job cannot be executed or cancelled again', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config());
    await jobs.cancelJob(id);
    await expect(jobs.executeJob(id, [dataset(1)], echo, equal)).rejects.toThrow(/is cancelled and cannot be executed/);
    await expect(jobs.cancelJob(id)).rejects.toThrow('Cannot cancel job with status cancelled');
    await expect(jobs.cancelJob('x')).rejects.toThrow('Job x not found');
  });

  it('is what signal and close do', async () => {
    const jobs = orchestrator();
    const controller = new AbortController();
    const gate = new Gate();
    const run: RunFunction = (task) => gate.pass().then(() => echo(task));
    const [a, b] = [jobs.createJob(config()), jobs.createJob(config())];
    const first = jobs.executeJob(a, [dataset(3)], run, equal, { signal: controller.signal });
    const second = jobs.executeJob(b, [dataset(3)], run, equal);
    await until(() => gate.arrived === 6);
    controller.abort();
    expect((await first).summary.status).toBe('cancelled');
    expect(jobs.getJob(b)!.status).toBe('running');
    await jobs.close();
    expect((await second).summary.status).toBe('cancelled');
  });
});

describe('baselines', () => {
  const broken: RunFunction = async ({ testCase }) => ({ actual: testCase.id === 'c0' ? 'wrong' : testCase.input });

  it('that are not there fail the job before any call', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config({ baseline: 'nothing' }));
    let calls = 0;
    const run: RunFunction = (task) => {
      calls += 1;
      return echo(task);
    };
    await expect(jobs.executeJob(id, [dataset(3)], run, equal)).rejects.toThrow('Baseline nothing not found');
    expect([calls, jobs.getJob(id)!.status]).toEqual([0, 'failed']);
  });

  it('that are active are used by jobs that name none', async () => {
    const jobs = orchestrator();
    const before = await jobs.executeJob(jobs.createJob(config()), [dataset(8)], echo, equal);
    expect(before).not.toHaveProperty('comparison');
    const active = jobs.storeBaseline('main', '', before.runSummaries[0]!.runId, before.metrics);
    jobs.setActiveBaseline(active);
    expect(jobs.getActiveBaseline()?.id).toBe(active);
    const after = await jobs.executeJob(jobs.createJob(config()), [dataset(8)], broken, equal);
    const accuracy = after.regressions.find(({ metric, category }) => metric === 'accuracy' && category === 'overall');
    expect(accuracy).toMatchObject({ severity: 'critical', baseline: 100, current: 87.5, pairedCases: 8, pValue: 1 });
    expect(after.comparison).toMatchObject({ baselineId: active, currentRunId: after.runSummaries[0]!.runId });
    expect(after.recommendations[0]).toMatchObject({ type: 'regression', severity: 'high' });
  });

  it('that a job names go before the active one', async () => {
    const jobs = orchestrator();
    const before = await jobs.executeJob(jobs.createJob(config()), [dataset(8)], echo, equal);
    const [a, b] = ['a', 'b'].map((name) => jobs.storeBaseline(name, '', 'r', before.metrics)) as [string, string];
    jobs.setActiveBaseline(a);
    const after = await jobs.executeJob(jobs.createJob(config({ baseline: b })), [dataset(8)], echo, equal);
    expect(after.comparison?.baselineId).toBe(b);
    expect(jobs.getAllBaselines().map(({ name }) => name)).toEqual(['a', 'b']);
    expect(jobs.compareToBaseline(before.metrics, 'r2').baselineId).toBe(a);
  });
});

describe('generateReport', () => {
  it('gives the report of a job that is over, and throws for others', async () => {
    const jobs = orchestrator();
    const id = jobs.createJob(config());
    expect(() => jobs.generateReport(id)).toThrow(/is pending and has no report/);
    expect(() => jobs.generateReport('x')).toThrow('Job not found: x');
    const report = await jobs.executeJob(id, [dataset(2)], echo, equal);
    expect(jobs.generateReport(id)).toBe(report);
    expect(jobs.exportReport(report, { format: 'csv' })).toBe(
      new ReportGenerator().exportReport(report, { format: 'csv' }),
    );
  });
});
