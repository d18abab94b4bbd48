import { createHash } from 'node:crypto';
import {
  type EvalReport,
  ReportGenerator,
  type ReportInput,
  type ReportOptions,
  type RunSummary,
  type ScoringResult,
} from '@aah/ai-evals/orchestrator';
import { describe, expect, it } from 'vitest';
import { metrics, NOW, result, run, scoring } from './reports.js';

const generator = new ReportGenerator();
const report = (runSummaries: RunSummary[], scoringResults: ScoringResult[], more: Partial<ReportInput> = {}) =>
  generator.generateReport({ jobId: 'job', runSummaries, scoringResults, status: 'completed', ...more });

const FORMATS = ['json', 'csv', 'html', 'markdown', 'md', 'junit', 'github'] as const;
const ALL = {
  includeDetails: true,
  includeScoringBreakdown: true,
  includeRawResults: true,
  includeRecommendations: true,
};
const exported = (one: EvalReport, format: ReportOptions['format'], options = {}) =>
  generator.exportReport(one, { format, ...options });

describe('generateReport', () => {
  it('counts every case once: 1 pass and 9 errors are 10 % of 10', () => {
    const errors = Array.from({ length: 9 }, (_, i) => result(`e${i}`, { error: 'down' }));
    const { summary, metrics: figures } = report([run([result('a'), ...errors])], [scoring('a', true)]);
    expect(summary).toMatchObject({ totalTests: 10, passed: 1, failed: 0, errors: 9, accuracy: 10 });
    expect(figures).toMatchObject({ passRate: 10, avgScore: 1, avgLatency: 10 });
  });

  it('counts a throwing scorer, and an answer that nobody scored, as errors', () => {
    const error = { type: 'scoring', severity: 'error', message: 'no judge', retryable: false } as const;
    const { summary } = report([run([result('a'), result('b')])], [scoring('a', true, { error })]);
    expect(summary).toMatchObject({ totalTests: 2, passed: 0, errors: 2 });
  });

  it('takes the category of metadata, not of the id, and any name of one', () => {
    const results = [result('10-7-rule', { category: '__proto__' }), result('b', { category: 'constructor' })];
    const { breakdown } = report([run(results)], [scoring('10-7-rule', true), scoring('b', false)]).metrics;
    expect(Object.keys(breakdown)).toEqual(['__proto__', 'constructor']);
    expect(Object.getOwnPropertyDescriptor(breakdown, '__proto__')?.value).toMatchObject({
      accuracy: 100,
      totalTests: 1,
    });
  });

  it('averages the latency of calls, not of runs', () => {
    const many = Array.from({ length: 99 }, (_, i) => result(`c${i}`, { latency: 10 }));
    const runs = [run([result('x', { latency: 1000 })]), run(many, { runId: 'r2', config: { modelId: 'n' } })];
    expect(report(runs, []).summary.avgLatency).toBeCloseTo((1000 + 990) / 100, 10);
  });

  it('reads a score that has only a value', () => {
    const { metrics: figures } = report(
      [run([result('a')])],
      [scoring('a', true, { score: { passed: true, value: 0.5 } })],
    );
    expect(figures.avgScore).toBe(0.5);
  });

  it('gives each model its own verdicts, named or in the order of the runs', () => {
    const runs = [run([result('a')]), run([result('a')], { runId: 'r2', config: { modelId: 'n' } })];
    const passed = (scorings: ScoringResult[]) => report(runs, scorings).metrics.cases!.map((one) => one.passed);
    expect(passed([scoring('a', false), scoring('a', true)])).toEqual([false, true]);
    expect(passed([scoring('a', true, { runId: 'r2' }), scoring('a', false, { runId: 'r' })])).toEqual([false, true]);
  });

  it('survives results without metadata', () => {
    const bare = { testCaseId: 'a', input: 1, expected: 1, actual: 1 } as never;
    expect(report([run([bare])], [scoring('a', true)]).summary).toMatchObject({
      passed: 1,
      avgLatency: 0,
      totalCost: 0,
    });
  });

  it('takes wall time as duration', () => {
    const runs = [1, 2].map((n) =>
      run([], { runId: `${n}`, startTime: NOW, endTime: new Date(+NOW + 50 * n), totalDuration: 50 * n }),
    );
    expect(report(runs, []).summary.duration).toBe(100);
  });

  it('says how many costs are unknown', () => {
    const figures = report([run([result('a', { cost: undefined }), result('b')])], []).metrics;
    expect(figures).toMatchObject({ totalCost: 0.01, unpriced: 1 });
  });
});

describe('recommendations', () => {
  const figures = (more: Parameters<typeof result>[1], pass: boolean, extra: Partial<ReportInput> = {}) =>
    report([run([result('a', more)])], [scoring('a', pass)], extra).recommendations.map(
      ({ type, severity, actionable }) => `${type}/${severity}${actionable ? '' : ' (nothing to do)'}`,
    );
  const efficiency = (parallelEfficiency: number) => ({
    executionMetrics: {
      totalExecutionTime: 1,
      avgExecutionTime: 1,
      throttleTime: 0,
      workerUtilization: 1,
      parallelEfficiency,
    },
  });

  it('follow the table', () => {
    expect(figures({}, true)).toEqual(['accuracy/low (nothing to do)']);
    expect(figures({}, false)).toEqual(['accuracy/high', 'accuracy/medium']);
    expect(figures({ latency: 5001 }, true)).toEqual(['performance/medium']);
    expect(figures({ cost: 10.01 }, true)).toEqual(['cost/medium']);
    expect(figures({}, true, efficiency(0.59))).toEqual(['performance/low']);
    const critical = { testCaseId: 'overall', metric: 'accuracy', baseline: 1, current: 0 } as const;
    const regressions = [{ ...critical, absoluteChange: -1, percentChange: -100, severity: 'critical' } as const];
    expect(figures({}, true, { regressions })).toEqual(['regression/high']);
  });

  it('do not call an empty run inaccurate', () => {
    expect(report([], []).recommendations).toMatchObject([{ type: 'accuracy', severity: 'low', actionable: false }]);
  });
});

const EVIL = `=HYPERLINK("http://x","y"),<script>alert('1')</script>|\n\`@all\``;

function evilReport(): EvalReport {
  const answers = [
    result(
      EVIL,
      { category: EVIL },
      { actual: { big: 123456789012345678901234567890n, at: NOW, lone: '\ud800', nul: '\0' } },
    ),
    result('b', { category: '-5', latency: Number.NaN }, { actual: new Map([['k', new Set([1])]]) }),
    result('b', { error: EVIL }),
  ];
  const runs = [run(answers), run(answers, { runId: 'r2' }), run(answers, { runId: 'r3', datasetId: 'e' })];
  const regression = { testCaseId: EVIL, category: EVIL, metric: 'accuracy', baseline: 90, current: 50 } as const;
  const regressions = [{ ...regression, absoluteChange: -40, percentChange: -44.444, severity: 'critical' } as const];
  const score = { passed: false, score: 0, explanation: EVIL, breakdown: { [EVIL]: 0.5 } };
  return report(runs, [scoring(EVIL, false, { score }), scoring('b', true)], { regressions });
}

describe.each(FORMATS)('exportReport to %s', (format) => {
  it.each([{}, ALL])('is the same for a report and its parsed JSON, with %o', (options) => {
    const original = evilReport();
    const parsed = JSON.parse(exported(original, 'json', { includeDetails: true })) as EvalReport;
    expect(exported(parsed, format, options)).toBe(exported(original, format, options));
  });

  it('reads a report of JSON.stringify', () => {
    const original = report([run([result('a')])], [scoring('a', true)]);
    const parsed = JSON.parse(JSON.stringify(original)) as EvalReport;
    expect(exported(parsed, format, ALL)).toBe(exported(original, format, ALL));
  });

  it('keeps the digits of a BigInt', () => {
    if (format !== 'github') {
      expect(exported(evilReport(), format, ALL).includes('123456789012345678901234567890')).toBe(true);
    }
  });

  it('holds no half of a surrogate pair and no NUL', () => {
    const text = exported(evilReport(), format, ALL);
    expect(/\p{Surrogate}|\0/u.test(text)).toBe(false);
  });

  it('writes a report without results, and one that is hardly one', () => {
    expect(exported(report([], []), format, ALL)).not.toBe('');
    expect(exported({} as EvalReport, format, ALL)).not.toBe('');
    expect(() => exported(null as never, format)).toThrow(/must be a report/);
  });

  it('writes an answer that holds itself', () => {
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    expect(() => exported(report([run([result('a', {}, { actual: loop })])], []), format, ALL)).not.toThrow();
  });
});

describe('exportReport', () => {
  it('refuses an unknown format', () => {
    expect(() => exported(report([], []), 'pdf' as never)).toThrow(/one of 'json', 'csv'/);
  });
});

describe('json', () => {
  const one = report([run([result('a')])], [scoring('a', true)]);
  const keys = (options: object) => Object.keys(JSON.parse(exported(one, 'json', options)) as object);

  it('has the head, and what is asked for', () => {
    const head = ['jobId', 'summary', 'metrics', 'regressions'];
    expect(keys({})).toEqual(head);
    expect(keys({ includeRecommendations: true })).toEqual([...head, 'recommendations']);
    expect(keys({ includeScoringBreakdown: true })).toEqual([...head, 'scoringResults']);
    expect(keys({ includeRawResults: true })).toEqual([...head, 'runSummaries']);
  });

  it('is the whole report with details', () => {
    expect(JSON.parse(exported(one, 'json', { includeDetails: true }))).toEqual(JSON.parse(JSON.stringify(one)));
  });
});

describe('csv', () => {
  it('has a row for all cases, with the average cost, and one for each category', () => {
    const results = [result('a', { category: 'x', cost: 0.1 }), result('b', { category: 'y', cost: 0.3, latency: 25 })];
    expect(exported(report([run(results)], [scoring('a', true), scoring('b', false)]), 'csv')).toBe(
      [
        'Category,Total Tests,Passed,Accuracy,Avg Score,Avg Latency,Avg Cost',
        'Overall,2,1,50.00,0.500,18,0.2000',
        'x,1,1,100.00,1.000,10,0.1000',
        'y,1,0,0.00,0.000,25,0.3000',
        '',
      ].join('\n'),
    );
  });

  it('quotes, and gives formulas an apostrophe, but not numbers', () => {
    const text = exported(evilReport(), 'csv', ALL);
    expect(text).toContain(`"'=HYPERLINK(""http://x"",""y"")`);
    expect(text).toContain('\n-5,');
    expect(text).toContain(',-44.44,critical');
  });

  it('has a block of regressions with details', () => {
    expect(exported(evilReport(), 'csv', { includeDetails: true })).toContain(
      '\n\nRegressions\nTest Case,Metric,Baseline,Current,Change %,Severity\n',
    );
  });
});

describe('html', () => {
  const text = exported(evilReport(), 'html', ALL);

  it('escapes what anybody wrote', () => {
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;');
  });

  it('allows nothing but its own style, by hash', () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    expect(text).toContain(`content="default-src 'none'; style-src 'sha256-${hash}'`);
    expect(text.match(/(?:href|src)="(?!#)/g)).toBeNull();
    expect(text).not.toMatch(/ style=| on\w+=/);
  });
});

describe('markdown', () => {
  it('keeps markup, mentions and line breaks of anybody out of its tables', () => {
    const text = exported(evilReport(), 'markdown', ALL);
    expect(text).not.toMatch(/<script|@all|http:\/\//);
    for (const line of text.split('\n')) expect(line).toMatch(/^(\||#|$)/);
    const widths = text.split('\n\n').map(
      (block) =>
        new Set(
          block
            .split('\n')
            .filter((l) => l.startsWith('|'))
            .map((l) => l.split('|').length),
        ),
    );
    for (const width of widths) expect(width.size).toBeLessThanOrEqual(1);
  });
});

describe('junit', () => {
  it('names every case once, across models and datasets', () => {
    const text = exported(evilReport(), 'junit');
    const suites = text.split('<testsuite ').slice(1);
    const names = suites.flatMap((suite) => {
      const name = /name="([^"]*)"/.exec(suite)![1];
      return [...suite.matchAll(/<testcase classname="([^"]*)" name="([^"]*)"/g)].map(
        ([, a, b]) => `${name} ${a} ${b}`,
      );
    });
    expect(names).toHaveLength(9);
    expect(new Set(names).size).toBe(9);
    expect(text).toMatch(/<testsuites name="ai-evals job" tests="9" failures="1" errors="7"/);
  });
});

describe('github', () => {
  it('writes one command a line, with its data escaped', () => {
    const lines = exported(evilReport(), 'github').trimEnd().split('\n');
    for (const line of lines) expect(line).toMatch(/^::(error|warning|notice) title=[^:,\n]*::/);
    expect(lines[1]).toMatch(/^::error title=Regression/);
  });

  it('tells how many cases it leaves out', () => {
    const results = Array.from({ length: 100 }, (_, i) => result(`c${i}`, { error: 'down' }));
    expect(exported(report([run(results)], []), 'github')).toContain('60 further cases did not pass');
  });
});

describe('metrics of a report', () => {
  it('are the shape that baselines take', () => {
    expect(Object.keys(report([run([result('a')])], []).metrics)).toEqual(
      expect.arrayContaining(Object.keys(metrics())),
    );
  });
});
