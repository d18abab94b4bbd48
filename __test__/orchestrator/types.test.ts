import type {
  Baseline,
  BaselineComparator,
  BaselineComparison,
  EvalJob,
  EvalOrchestrator,
  EvalReport,
  Improvement,
  JobConfig,
  JobProgress,
  JobStatus,
  Metrics,
  QueueStats,
  Regression,
  ReportOptions,
  RunResult,
} from '@aah/ai-evals/orchestrator';
import { exactMatch, type Score } from '@aah/ai-evals/scorers';
import { describe, expectTypeOf, it } from 'vitest';

describe('the types', () => {
  it('are those of the contract', () => {
    expectTypeOf<JobStatus>().toEqualTypeOf<'pending' | 'running' | 'completed' | 'failed' | 'cancelled'>();
    expectTypeOf<EvalJob>().toExtend<JobConfig & { id: string; createdAt: Date; updatedAt: Date; status: JobStatus }>();
    expectTypeOf<EvalReport['metrics']>().toEqualTypeOf<Metrics>();
    expectTypeOf<EvalReport['summary']['errors']>().toEqualTypeOf<number>();
    expectTypeOf<Regression['severity']>().toEqualTypeOf<'critical' | 'major' | 'minor'>();
    expectTypeOf<Improvement>().not.toHaveProperty('severity');
    expectTypeOf<BaselineComparison['regressions']>().toEqualTypeOf<Regression[]>();
    expectTypeOf<ReportOptions['format']>().toEqualTypeOf<
      'json' | 'csv' | 'html' | 'markdown' | 'md' | 'junit' | 'github'
    >();
  });

  it('of the methods are too', () => {
    expectTypeOf<EvalOrchestrator['createJob']>().toEqualTypeOf<(config: JobConfig) => string>();
    expectTypeOf<EvalOrchestrator['getJob']>().returns.toEqualTypeOf<EvalJob | undefined>();
    expectTypeOf<EvalOrchestrator['getProgress']>().returns.toEqualTypeOf<JobProgress | undefined>();
    expectTypeOf<EvalOrchestrator['getQueueStats']>().returns.toEqualTypeOf<QueueStats>();
    expectTypeOf<EvalOrchestrator['cancelJob']>().returns.toEqualTypeOf<Promise<void>>();
    expectTypeOf<EvalOrchestrator['exportReport']>().returns.toEqualTypeOf<string>();
    expectTypeOf<BaselineComparator['getBaseline']>().returns.toEqualTypeOf<Baseline | undefined>();
    expectTypeOf<BaselineComparator['deleteBaseline']>().returns.toEqualTypeOf<boolean>();
  });

  it('of executeJob take a function of results, and scorers of the package', () => {
    type Execute = EvalOrchestrator['executeJob'];
    const scored = async (result: RunResult<string>): Promise<Score> => ({ score: 1, passed: result.actual === 'x' });
    const check = (jobs: EvalOrchestrator, id: string) => {
      const dataset = { id: 'd', testCases: [{ id: 'a', input: 1, expected: 'x' }] };
      const run = async () => ({ actual: 'x' });
      return [
        jobs.executeJob(id, [dataset], run, exactMatch()),
        jobs.executeJob(id, [dataset], run, scored),
        jobs.executeJob(id, [dataset], async ({ testCase }) => ({ actual: testCase.expected.toUpperCase() })),
      ];
    };
    expectTypeOf(check).returns.items.toExtend<ReturnType<Execute>>();
    expectTypeOf(check).returns.items.resolves.toEqualTypeOf<EvalReport<string>>();
  });
});
