import { PerformanceMonitor, type PerformanceReport, rateTargets, renderDashboard } from '@aah/ai-evals/performance';
import { afterEach, describe, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.restoreAllMocks();
});

function monitorOf(calls: Record<string, number[]>): PerformanceMonitor {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  const monitor = new PerformanceMonitor();
  for (const [name, durations] of Object.entries(calls)) {
    for (const duration of durations) {
      monitor.start(name);
      clock += duration;
      monitor.end(name);
    }
  }
  return monitor;
}

/** Every number in `value`, however deep. */
function numbers(value: unknown): number[] {
  if (typeof value === 'number') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbers) : [];
}

describe('reports', () => {
  test('an empty monitor reports zeros', () => {
    const monitor = new PerformanceMonitor();
    const report = monitor.generateReport();
    expect(report).toMatchObject({
      totalDuration: 0,
      components: [],
      bottlenecks: [],
      regressions: [],
      summary: {
        totalComponents: 0,
        totalCalls: 0,
        avgCallDuration: 0,
        slowestComponent: 'N/A',
        fastestComponent: 'N/A',
      },
      tree: [],
    });
    expect(report.baseline).toBeUndefined();
    expect(numbers(report).every(Number.isFinite)).toBe(true);
    expect(monitor.getAllTimings()).toEqual([]);
    expect(monitor.identifyBottlenecks()).toEqual([]);
    const baseline = monitor.setBaseline('empty');
    expect([baseline.totalDuration, baseline.components.size]).toEqual([0, 0]);
    expect(monitor.detectRegressions('empty')).toEqual([]);
  });

  test('the summary names slowest and fastest by average, and time counts from the first start', () => {
    const monitor = monitorOf({ many: [2, 2, 2, 2, 2], slow: [9], quick: [1] });
    expect(monitor.generateReport()).toMatchObject({
      totalDuration: 20,
      summary: {
        totalComponents: 3,
        totalCalls: 7,
        avgCallDuration: 20 / 7,
        slowestComponent: 'slow',
        fastestComponent: 'quick',
      },
    });
    monitor.reset();
    expect(monitor.generateReport()).toMatchObject({ totalDuration: 0, components: [], tree: [] });
  });

  test('a report with a baseline survives JSON, components of the baseline included', () => {
    const monitor = monitorOf({ scoring: [1, 2, 3], __proto__: [1], constructor: [2] });
    monitor.setBaseline('v1');
    const report = monitor.generateReport('v1');
    const parsed = JSON.parse(JSON.stringify(report, null, 2));
    expect(parsed.baseline.components.scoring).toEqual(report.components.find((c) => c.component === 'scoring'));
    expect(parsed.timestamp).toBe(report.timestamp.toISOString());
    expect(parsed.id).toBe(report.id);
    expect(report.baseline?.components).toBeInstanceOf(Map);
    expect(report.baseline).toBe(monitor.getBaseline('v1'));
    expect(monitor.generateReport('v1').id).not.toBe(report.id);
  });

  test('it has event loop delay and memory of the process', async () => {
    const monitor = new PerformanceMonitor();
    monitor.start('block');
    await new Promise((resolve) => setTimeout(resolve, 50));
    const end = Date.now() + 120;
    while (Date.now() < end);
    await new Promise((resolve) => setTimeout(resolve, 50));
    monitor.end('block');
    const { eventLoop, memory } = monitor.generateReport();
    expect(eventLoop.maxDelay).toBeGreaterThan(60);
    expect(eventLoop.utilization).toBeGreaterThan(0);
    expect(eventLoop.utilization).toBeLessThanOrEqual(1);
    expect(memory.heapUsed).toBeGreaterThan(1e6);
    expect(memory.rss).toBeGreaterThan(memory.heapUsed);
  });
});

describe('events', () => {
  test('start, end, baseline-set and reset carry what the contract says', () => {
    const monitor = monitorOf({});
    const seen: unknown[] = [];
    for (const event of ['start', 'end', 'baseline-set', 'reset'])
      monitor.on(event, (payload) => seen.push([event, payload]));
    monitor.start('a', { case: 1 });
    monitor.end('a');
    const baseline = monitor.setBaseline('b');
    monitor.reset();
    expect(seen).toEqual([
      ['start', { name: 'a', startTime: 0, metadata: { case: 1 } }],
      ['end', { name: 'a', duration: 0 }],
      ['baseline-set', { id: 'b', baseline }],
      ['reset', undefined],
    ]);
  });

  test('reach listeners however they are added, also after calls without any', () => {
    const monitor = monitorOf({ a: [1, 2] });
    const seen: string[] = [];
    monitor.prependListener('end', () => seen.push('prepended'));
    monitor.once('end', () => seen.push('once'));
    monitor.addListener('start', () => seen.push('added'));
    monitor.measureSync('a', () => 1);
    monitor.removeAllListeners();
    monitor.measureSync('a', () => 1);
    monitor.prependOnceListener('start', () => seen.push('prepended once'));
    monitor.start('a');
    monitor.end('a');
    expect(seen).toEqual(['added', 'prepended', 'once', 'prepended once']);
  });

  test('listeners that throw disturb neither the timers nor each other', async () => {
    const monitor = monitorOf({});
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const after = vi.fn();
    monitor.on('end', () => {
      throw new Error('listener broke');
    });
    monitor.on('end', after);
    monitor.start('a');
    expect(monitor.end('a')).toBe(0);
    expect(await monitor.measure('a', () => 7)).toBe(7);
    expect(after).toHaveBeenCalledTimes(2);
    expect(await warned).toMatchObject({ name: 'ListenerError' });
  });

  test('reset ends running timers: what they timed is not recorded', async () => {
    const monitor = monitorOf({ a: [1] });
    monitor.start('b');
    const measured = monitor.measure('c', () => Promise.resolve(1));
    monitor.reset();
    await measured;
    expect(() => monitor.end('b')).toThrow('No active timer found for: b');
    expect(monitor.getAllTimings()).toEqual([]);
  });
});

describe('memory', () => {
  // AI_EVALS_LONG=1 makes it ten million; benches/js/monitor.bench.mjs always does.
  const calls = process.env.AI_EVALS_LONG ? 10_000_000 : 2_000_000;

  test(`${calls} calls leave it flat`, () => {
    const monitor = new PerformanceMonitor();
    const names = ['a', 'b', 'c', 'd'];
    const run = (calls: number): number => {
      for (let i = 0; i < calls; i += 1) {
        const name = names[i & 3] as string;
        monitor.start(name);
        monitor.end(name);
      }
      global.gc?.();
      const { heapUsed, external, rss } = process.memoryUsage();
      return heapUsed + external + Math.max(0, rss - heapUsed);
    };
    run(200_000);
    const before = run(200_000);
    const after = run(calls);
    expect(after - before).toBeLessThan(12e6);
    expect(monitor.generateReport().summary.totalCalls).toBe(calls + 400_000);
  });
});

describe('timers that always overlap', () => {
  const heap = (): number => {
    global.gc?.();
    return process.memoryUsage().heapUsed;
  };

  test('do not keep each other: handles that end after the next has started', () => {
    const monitor = new PerformanceMonitor();
    const before = heap();
    let timer = monitor.startTimer('request');
    for (let i = 0; i < 200_000; i += 1) {
      const next = monitor.startTimer('request');
      timer.end();
      timer = next;
    }
    expect(heap() - before).toBeLessThan(5e6);
    timer.end();
    monitor.measureSync('outer', () => monitor.measureSync('inner', () => 1));
    const outer = monitor.generateReport().tree.find(({ component }) => component === 'outer');
    expect(outer?.children.map(({ component }) => component)).toEqual(['inner']);
  });

  test('do not keep each other: a loop that goes on from within measure', async () => {
    const [monitor, other] = [new PerformanceMonitor(), new PerformanceMonitor()];
    let turns = 0;
    const run = (until: number) =>
      new Promise<void>((resolve) => {
        const turn = (): void => {
          turns += 1;
          void monitor.measure('turn', async () => {
            void other.measure('other', async () => {});
            if (turns < until) setImmediate(turn);
            else resolve();
          });
        };
        turn();
      });
    await run(1000);
    const before = heap();
    await run(60_000);
    expect(heap() - before).toBeLessThan(5e6);
    expect(other.getComponentTiming('other')?.totalCalls).toBe(60_000);
  });
});

describe('the guide’s dashboard and targets', () => {
  const cacheStats = {
    response: { hits: 80, misses: 20, hitRate: 0.8, entries: 20, memoryUsage: 3 * 1024 * 1024 },
    embedding: { hits: 0, misses: 0, hitRate: 0, entries: 0, memoryUsage: 0 },
    query: { hits: 0, misses: 0, hitRate: 0, entries: 0, memoryUsage: 1024 * 1024 },
  };

  test('each figure is rated against the guide', () => {
    const report = monitorOf({
      'dataset-loading': [150],
      'runner-execution': [1500, 1900],
      'exact-match': [4],
      'semantic-similarity': [300],
      'llm-judge': [12_000],
      'report-generation': [500],
      other: [1],
    }).generateReport();
    const ratings = rateTargets(report, cacheStats);
    expect(ratings.slice(0, 7).map((r) => [r.target, r.value, r.unit, r.rating])).toEqual([
      ['Dataset loading', 150, 'ms', 'excellent'],
      ['Test execution', 1700, 'ms', 'target'],
      ['Exact match', 4, 'ms', 'excellent'],
      ['Semantic similarity', 300, 'ms', 'acceptable'],
      ['LLM judge', 12_000, 'ms', 'poor'],
      ['Report generation', 500, 'ms', 'target'],
      ['Cache hit rate', 80, '%', 'target'],
    ]);
    expect(ratings[7]).toMatchObject({ target: 'Memory', unit: 'bytes' });
    expect(rateTargets(new PerformanceMonitor().generateReport()).map((r) => r.target)).toEqual(['Memory']);
  });

  test('the dashboard shows totals, components, caches, regressions and ratings in aligned boxes, without colour', () => {
    const monitor = monitorOf({ 'dataset-loading': [150], 'scöring 日本': [0.0125] });
    const text = renderDashboard(monitor.generateReport(), cacheStats);
    for (const part of [
      'Total duration',
      '150 ms',
      '12.5 µs',
      'Response hit rate',
      '80.0 %',
      '4.00 MB',
      'excellent',
      '> 70.0 %',
    ]) {
      expect(text).toContain(part);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: no escape codes is what is asked.
    expect(text).not.toMatch(/\u001b/);
    const width = (line: string) => [...line].reduce((sum, c) => sum + (/[\u3040-\u9fff]/.test(c) ? 2 : 1), 0);
    for (const box of text.split('\n\n')) expect(new Set(box.split('\n').map(width)).size).toBe(1);
    expect(renderDashboard(new PerformanceMonitor().generateReport())).toContain('N/A');
  });
});

test('a report with the fields of the contract alone is one, and can be shown', () => {
  const timing = { totalCalls: 1, totalDuration: 5, avgDuration: 5, minDuration: 5, maxDuration: 5 };
  const report: PerformanceReport = {
    id: 'report',
    timestamp: new Date(0),
    totalDuration: 5,
    components: [{ component: 'a', ...timing, p50Duration: 5, p95Duration: 5, p99Duration: 5 }],
    bottlenecks: [],
    regressions: [
      {
        component: 'a',
        baselineDuration: 1,
        currentDuration: 5,
        percentChange: 400,
        severity: 'critical',
        threshold: 50,
        confidence: 0.99,
      },
    ],
    summary: { totalComponents: 1, totalCalls: 1, avgCallDuration: 5, slowestComponent: 'a', fastestComponent: 'a' },
  };
  expect(rateTargets(report)).toEqual([]);
  expect(renderDashboard(report)).not.toMatch(/undefined|NaN/u);
  const unjudged = [
    { component: 'a', percentChange: 40, callsNeeded: 12 },
    { component: 'b', percentChange: 30, machinePercent: 45 },
  ];
  const text = renderDashboard({ ...report, unjudged });
  expect(text).toContain('about 12 calls a side would tell');
  expect(text).toContain('the machine was 45 % slower');
});
