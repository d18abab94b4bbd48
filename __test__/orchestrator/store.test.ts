import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type EvalReport, type JobDataset, persistEvalReport, type RunFunction } from '@aah/ai-evals/orchestrator';
import { EvalStore } from '@aah/ai-evals/store';
import { describe, expect, it, onTestFinished } from 'vitest';
import { sqlite } from '../store/backends.js';
import { config, dataset, echo, equal, Gate, orchestrator, until } from './jobs.js';
import { metrics } from './reports.js';

async function openStore(url?: string): Promise<EvalStore> {
  const store = await EvalStore.open(url ?? (await sqlite.create()));
  onTestFinished(() => store.close());
  return store;
}

/** Returns the figures of a report that do not depend on when it was made. */
function figures({ summary, metrics }: Pick<EvalReport, 'summary' | 'metrics'>): unknown {
  const { duration: _, ...rest } = summary;
  return { ...rest, metrics };
}

interface Life {
  jobId: string;
  calls: string[];
  /** The report, when the process came to its end. */
  report: Pick<EvalReport, 'summary' | 'metrics'> | undefined;
}

/** Runs the job of `child.mjs`; kills the process (-9) once it has made `limit` calls, and `isDue` then. */
async function life(url: string, jobId: string, limit: number, isDue = async () => true): Promise<Life> {
  const child = spawn(process.execPath, [join(__dirname, 'child.mjs'), url, jobId, String(limit)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors += text.toString();
  });
  const closed = once(child, 'close');
  const told: Life = { jobId, calls: [], report: undefined };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('job ')) told.jobId = line.slice(4);
    else if (line.startsWith('report ')) told.report = JSON.parse(line.slice(7)) as EvalReport;
    else told.calls.push(line);
    if (told.calls.length !== limit) continue;
    // The child answers no more: what it was answered is on its way into the store.
    while (!(await isDue())) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
  }
  await closed;
  if (told.report === undefined && told.calls.length < limit) throw new Error(`the child ended: ${errors}`);
  return told;
}

describe('a job of three models × 50 cases × 3 repeats', () => {
  it('killed twice (-9) and resumed equals one that ran through, and pays for no stored answer again', async () => {
    const [url, other] = [await sqlite.create(), await sqlite.create()];
    const through = await life(other, '', 1000);
    const store = await openStore(url);
    const count = async () => {
      let rows = 0;
      const { items } = await store.listRuns();
      for (const { id } of items) for await (const _ of store.results(id)) rows += 1;
      return rows;
    };
    const first = await life(url, '', 150, async () => (await count()) > 0);
    const afterFirst = await count();
    const second = await life(url, first.jobId, 150, async () => (await count()) > afterFirst);
    const afterSecond = await count();
    const last = await life(url, first.jobId, 1000);
    expect(first.report).toBeUndefined();
    expect(second.report).toBeUndefined();
    expect(figures(last.report!)).toEqual(figures(through.report!));
    expect(last.report!.summary.totalTests).toBe(450);
    expect(through.calls).toHaveLength(450);
    expect(afterFirst).toBeGreaterThan(0);
    expect(afterSecond).toBeGreaterThan(afterFirst);
    // What was not stored is asked again, and nothing else.
    expect(last.calls).toHaveLength(450 - afterSecond);
    const { items } = await store.listRuns();
    expect(items.map(({ status, modelId }) => `${modelId} ${status}`).toSorted()).toEqual(
      ['a', 'b', 'c'].map((model) => `${model} completed`),
    );
  });
});

describe('store', () => {
  it('keeps each model’s own results, and counts errors as not passed', async () => {
    const store = await openStore();
    const jobs = orchestrator({ store });
    const id = jobs.createJob(config({ runnerConfigs: [{ modelId: 'good' }, { modelId: 'bad' }] }));
    const run: RunFunction = async (task) => {
      if (task.runnerConfig.modelId === 'good') return echo(task);
      if (task.testCase.id === 'c0') return { actual: 'wrong' };
      throw new Error('down');
    };
    const report = await jobs.executeJob(id, [dataset(10)], run, equal);
    const stored = await Promise.all(report.runSummaries.map(({ runId }) => store.metrics(runId)));
    expect(stored.map((one) => [one?.totalTests, one?.passedTests, one?.accuracy])).toEqual([
      [10, 10, 1],
      [10, 0, 0],
    ]);
    const { items } = await store.listResults(report.runSummaries[1]!.runId);
    expect(items.map(({ explanation }) => explanation)).toEqual([
      undefined,
      ...Array.from({ length: 9 }, () => 'down'),
    ]);
  });

  it('gives the report of a completed job again, without a call', async () => {
    const url = await sqlite.create();
    const first = orchestrator({ store: await openStore(url) });
    const id = first.createJob(config({ repeats: 2 }));
    const values: JobDataset = {
      id: 'd',
      testCases: [{ id: 'x', input: 5n, expected: new Date(0) }, ...dataset(5).testCases],
    };
    const before = await first.executeJob(id, [values], echo, equal);
    const again = orchestrator({ store: await openStore(url) });
    expect(await again.resumeJob(id)).toBe(id);
    const never: RunFunction = () => {
      throw new Error('called');
    };
    const after = await again.executeJob(id, [values], never, equal);
    expect(figures(after)).toEqual(figures(before));
    expect(after.scoringResults).toEqual(before.scoringResults);
    expect(again.getProgress(id)).toMatchObject({ totalTests: 12, completedTests: 12, progress: 100 });
  });

  it('keeps what was answered when a job is cancelled, which is final', async () => {
    const url = await sqlite.create();
    const store = await openStore(url);
    const jobs = orchestrator({ store });
    const id = jobs.createJob(config({ concurrency: 2 }));
    const gate = new Gate();
    const run: RunFunction = (task) => (task.testCase.input < 3 ? echo(task) : gate.pass().then(() => echo(task)));
    const executed = jobs.executeJob(id, [dataset(9)], run, equal);
    await until(() => gate.arrived === 2);
    await jobs.cancelJob(id);
    const { runSummaries, summary } = await executed;
    expect(summary).toMatchObject({ status: 'cancelled', passed: 3, notRun: 6 });
    expect((await store.getRun(runSummaries[0]!.runId))?.status).toBe('cancelled');
    expect((await store.listResults(runSummaries[0]!.runId)).items).toHaveLength(3);
    await expect(orchestrator({ store: await openStore(url) }).resumeJob(id)).rejects.toThrow(/was cancelled/);
  });

  it('that fails leaves the job failed and its answers stored, and the job may be executed again', async () => {
    const store = await openStore();
    let isBroken = true;
    const flaky = new Proxy(store, {
      get(target, name) {
        if (name === 'finishRun' && isBroken) return () => Promise.reject(new Error('the disk is full'));
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const jobs = orchestrator({ store: flaky });
    const id = jobs.createJob(config());
    await expect(jobs.executeJob(id, [dataset(5)], echo, equal)).rejects.toThrow('the disk is full');
    expect(jobs.getJob(id)).toMatchObject({ status: 'failed', error: 'the disk is full' });
    isBroken = false;
    const never: RunFunction = () => {
      throw new Error('called');
    };
    const report = await jobs.executeJob(id, [dataset(5)], never, equal);
    expect(report.summary).toMatchObject({ totalTests: 5, passed: 5, errors: 0 });
    expect(jobs.getJob(id)!.status).toBe('completed');
  });

  it('refuses to resume on another dataset', async () => {
    const url = await sqlite.create();
    const first = orchestrator({ store: await openStore(url) });
    const id = first.createJob(config());
    await first.executeJob(id, [dataset(2)], echo, equal);
    const again = orchestrator({ store: await openStore(url) });
    await again.resumeJob(id);
    await expect(again.executeJob(id, [dataset(3)], echo, equal)).rejects.toMatchObject({
      code: 'ERR_STORE_RUN_MISMATCH',
    });
  });

  it('is needed by resumeJob, and has to have the job', async () => {
    await expect(orchestrator().resumeJob('x')).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' });
    await expect(orchestrator({ store: await openStore() }).resumeJob('x')).rejects.toThrow('Job not found: x');
  });
});

describe('baselines in a store', () => {
  it('outlive the process, one of them active', async () => {
    const url = await sqlite.create();
    const store = await openStore(url);
    const jobs = orchestrator({ store });
    const report = await jobs.executeJob(jobs.createJob(config()), [dataset(4)], echo, equal);
    const ids = ['a', 'b', 'c'].map((name) => jobs.storeBaseline(name, 'why', report.jobId, report.metrics));
    jobs.setActiveBaseline(ids[2]!);
    jobs.setActiveBaseline(ids[1]!);
    await jobs.flush();
    expect((await store.listBaselines()).filter(({ isActive }) => isActive).map(({ name }) => name)).toEqual(['b']);
    const again = orchestrator({ store: await openStore(url) });
    await again.loadBaselines();
    expect(again.getActiveBaseline()).toMatchObject({
      id: ids[1],
      name: 'b',
      description: 'why',
      metrics: report.metrics,
    });
    expect(
      again
        .getAllBaselines()
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
  });

  it('are used by a job without being loaded, also one that another program set', async () => {
    const store = await openStore();
    const jobs = orchestrator({ store });
    const report = await jobs.executeJob(jobs.createJob(config()), [dataset(8)], echo, equal);
    await store.setBaseline({ name: 'by hand', runId: report.runSummaries[0]!.runId });
    const other = orchestrator({ store });
    const broken: RunFunction = async ({ testCase }) => ({ actual: testCase.id === 'c0' ? 'wrong' : testCase.input });
    const after = await other.executeJob(other.createJob(config({ baseline: 'by hand' })), [dataset(8)], broken, equal);
    expect(after.regressions[0]).toMatchObject({ metric: 'accuracy', baseline: 100, current: 87.5, pairedCases: 8 });
  });

  it('of one name are one: the last', async () => {
    const store = await openStore();
    const jobs = orchestrator({ store });
    const { jobId, metrics } = await jobs.executeJob(jobs.createJob(config()), [dataset(1)], echo, equal);
    const [, id] = [1, 2].map(() => jobs.storeBaseline('main', '', jobId, metrics));
    await jobs.flush();
    expect(jobs.getAllBaselines().map((one) => one.id)).toEqual([id]);
    expect(await store.listBaselines()).toHaveLength(1);
  });

  it('that cannot be stored are told by flush', async () => {
    const jobs = orchestrator({ store: await openStore() });
    jobs.storeBaseline('main', '', 'no such run', metrics());
    await expect(jobs.flush()).rejects.toMatchObject({ code: 'ERR_STORE_NOT_FOUND' });
    await jobs.flush();
  });
});

describe('persistEvalReport', () => {
  it('gives each model its own verdicts', async () => {
    const store = await openStore();
    const jobs = orchestrator();
    const id = jobs.createJob(config({ runnerConfigs: [{ modelId: 'good' }, { modelId: 'bad' }], repeats: 2 }));
    const run: RunFunction = async (task) => (task.runnerConfig.modelId === 'good' ? echo(task) : { actual: 'wrong' });
    const report = await jobs.executeJob(id, [dataset(4)], run, equal);
    const ids = await persistEvalReport(JSON.parse(JSON.stringify(report)) as EvalReport, store);
    expect(ids).toEqual(report.runSummaries.map(({ runId }) => runId));
    const stored = await Promise.all(ids.map((one) => store.metrics(one)));
    expect(stored.map((one) => [one?.totalTests, one?.passedTests])).toEqual([
      [8, 8],
      [8, 0],
    ]);
    await expect(persistEvalReport(report, store)).rejects.toMatchObject({ code: 'ERR_STORE_CONFLICT' });
  });
});
