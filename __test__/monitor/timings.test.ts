import { setTimeout as sleep } from 'node:timers/promises';
import { PerformanceMonitor } from '@aah/ai-evals/performance';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** A clock that moves only when told to. */
let clock = 1000;
const pass = (ms: number) => {
  clock += ms;
};

beforeEach(() => {
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Records calls of `name` with these durations. */
function record(monitor: PerformanceMonitor, name: string, durations: number[]): void {
  for (const duration of durations) {
    monitor.start(name);
    pass(duration);
    monitor.end(name);
  }
}

describe('figures of a component', () => {
  test('count, sum, mean, extremes and nearest-rank percentiles are exact', () => {
    const monitor = new PerformanceMonitor();
    record(
      monitor,
      'scoring',
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    expect(monitor.getComponentTiming('scoring')).toEqual({
      component: 'scoring',
      totalCalls: 20,
      totalDuration: 210,
      avgDuration: 10.5,
      minDuration: 1,
      maxDuration: 20,
      p50Duration: 10,
      p95Duration: 19,
      p99Duration: 20,
      selfDuration: 210,
    });
  });

  test('percentiles of very many calls stay within 0.1 % of exact', () => {
    const monitor = new PerformanceMonitor();
    const durations = Array.from({ length: 20_000 }, (_, i) => 0.01 * 1.0005 ** ((i * 7919) % 20_000));
    record(monitor, 'calls', durations);
    const ordered = [...durations].sort((a, b) => a - b);
    const timing = monitor.getComponentTiming('calls');
    for (const [p, found] of [
      [50, timing?.p50Duration],
      [95, timing?.p95Duration],
      [99, timing?.p99Duration],
    ] as const) {
      const exact = ordered[Math.ceil((p * ordered.length) / 100) - 1] as number;
      // The virtual clock itself rounds sums in the thousands of seconds to about 1e-10 ms.
      expect(Math.abs((found as number) - exact) / exact).toBeLessThan(0.001);
    }
    expect(timing?.totalDuration).toBeCloseTo(
      durations.reduce((a, b) => a + b, 0),
      3,
    );
  });

  test('all timings are sorted by total, longest first; unknown names have none', () => {
    const monitor = new PerformanceMonitor();
    record(monitor, 'short', [1, 1]);
    record(monitor, 'long', [50]);
    record(monitor, 'middle', [5, 5]);
    expect(monitor.getAllTimings().map((t) => t.component)).toEqual(['long', 'middle', 'short']);
    expect(monitor.getComponentTiming('unknown')).toBeUndefined();
    monitor.start('running');
    expect(monitor.getComponentTiming('running')).toBeUndefined();
  });
});

describe('timers that overlap', () => {
  test('end without start throws, also after every start has its end', () => {
    const monitor = new PerformanceMonitor();
    expect(() => monitor.end('never')).toThrow(new Error('No active timer found for: never'));
    monitor.start('once');
    monitor.end('once');
    expect(() => monitor.end('once')).toThrow('No active timer found for: once');
  });

  test('pairs of one name may nest: the inner end is the inner start', () => {
    const monitor = new PerformanceMonitor();
    monitor.start('a');
    pass(10);
    monitor.start('a');
    pass(5);
    expect(monitor.end('a')).toBe(5);
    pass(10);
    expect(monitor.end('a')).toBe(25);
    expect(monitor.getComponentTiming('a')).toMatchObject({ totalCalls: 2, totalDuration: 30, selfDuration: 25 });
  });

  test('pairs of many names may overlap in any order and the sum is exact', () => {
    const monitor = new PerformanceMonitor();
    for (const step of ['+a', '+b', '-a', '+a', '+a', '-b', '-a', '-a']) {
      if (step.startsWith('+')) monitor.start(step.slice(1));
      else monitor.end(step.slice(1));
      pass(1);
    }
    // a runs 0–2, 3–7 and 4–6 (in some pairing), b 1–5.
    expect(monitor.getComponentTiming('a')).toMatchObject({ totalCalls: 3, totalDuration: 8 });
    expect(monitor.getComponentTiming('b')).toMatchObject({ totalCalls: 1, totalDuration: 4 });
  });

  test('measure never mixes up concurrent calls of one name', async () => {
    const monitor = new PerformanceMonitor();
    const ends: number[] = [];
    monitor.on('end', ({ duration }) => ends.push(duration));
    let release: () => void = () => {};
    const slow = monitor.measure('call', () => new Promise<void>((resolve) => (release = resolve)));
    pass(3);
    const quick = monitor.measure('call', async () => pass(2));
    await quick;
    pass(4);
    release();
    await slow;
    expect(ends).toEqual([2, 9]);
  });

  test('measure and measureSync return what the function returns and record also when it throws', async () => {
    const monitor = new PerformanceMonitor();
    const value = { some: 'value' };
    expect(await monitor.measure('ok', async () => value)).toBe(value);
    expect(monitor.measureSync('ok', () => value)).toBe(value);
    const failure = new Error('broken');
    const fail = () => {
      pass(7);
      throw failure;
    };
    expect(() => monitor.measureSync('bad', fail)).toThrow(failure);
    await expect(monitor.measure('bad', fail)).rejects.toBe(failure);
    await expect(monitor.measure('bad', async () => fail())).rejects.toBe(failure);
    expect(monitor.getComponentTiming('ok')).toMatchObject({ totalCalls: 2 });
    expect(monitor.getComponentTiming('bad')).toMatchObject({ totalCalls: 3, totalDuration: 21 });
  });

  test('a timer handle ends only itself, once, and with `using` at the end of its block', () => {
    const monitor = new PerformanceMonitor();
    const first = monitor.startTimer('t');
    pass(1);
    const second = monitor.startTimer('t');
    pass(1);
    expect(first.end()).toBe(2);
    pass(1);
    expect(second.end()).toBe(2);
    expect(second.end()).toBe(2);
    {
      using _timer = monitor.startTimer('t');
      pass(6);
    }
    expect(monitor.getComponentTiming('t')).toMatchObject({ totalCalls: 3, totalDuration: 10 });
    expect(() => monitor.end('t')).toThrow('No active timer');
  });
});

describe('self time and the tree', () => {
  test('nested timers do not count twice, and neither do children that run at once', async () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    await monitor.measure('suite', async () => {
      await Promise.all([monitor.measure('case', () => sleep(30)), monitor.measure('case', () => sleep(30))]);
      await sleep(20);
    });
    const suite = monitor.getComponentTiming('suite');
    expect(suite?.totalDuration).toBeGreaterThanOrEqual(49);
    expect(suite?.selfDuration).toBeGreaterThanOrEqual(19);
    expect(suite?.selfDuration).toBeLessThanOrEqual((suite?.totalDuration as number) - 29);
    const { tree } = monitor.generateReport();
    expect(tree).toMatchObject([
      { component: 'suite', calls: 1, children: [{ component: 'case', calls: 2, children: [] }] },
    ]);
  });

  test('code after an await belongs to the call it was started in', async () => {
    vi.restoreAllMocks();
    const monitor = new PerformanceMonitor();
    const job = (name: string, part: string) =>
      monitor.measure(name, async () => {
        await sleep(5);
        monitor.start(part);
        await sleep(5);
        monitor.end(part);
      });
    await Promise.all([job('a', 'part'), job('b', 'part'), job('a', 'part')]);
    const { tree } = monitor.generateReport();
    expect(tree.map((n) => [n.component, n.calls, n.children.map((c) => [c.component, c.calls])]).sort()).toEqual([
      ['a', 2, [['part', 2]]],
      ['b', 1, [['part', 1]]],
    ]);
  });

  test('the guide’s nested start and end: share of all totals, and self times beside it', () => {
    const monitor = new PerformanceMonitor();
    monitor.start('total-evaluation');
    record(monitor, 'dataset-loading', [100]);
    record(monitor, 'runner-execution', [2000]);
    record(monitor, 'scoring', [300]);
    record(monitor, 'report-generation', [50]);
    pass(50);
    monitor.end('total-evaluation');
    const bottlenecks = monitor.identifyBottlenecks({ criticalMs: 1000, criticalPercent: 20 });
    expect(bottlenecks.map((b) => [b.component, b.severity])).toEqual([
      ['total-evaluation', 'critical'],
      ['runner-execution', 'critical'],
      ['scoring', 'medium'],
      ['dataset-loading', 'low'],
      ['report-generation', 'low'],
    ]);
    expect(bottlenecks[0]?.percentOfTotal).toBeCloseTo((2500 / 4950) * 100, 10);
    for (const { impact, recommendation } of bottlenecks) {
      expect(impact).toMatch(/^[^.].*\.$/);
      expect(recommendation).toMatch(/\.$/);
    }
    expect(monitor.getComponentTiming('total-evaluation')?.selfDuration).toBe(50);
    expect(monitor.generateReport().tree[0]?.children.map((c) => c.component)).toEqual([
      'runner-execution',
      'scoring',
      'dataset-loading',
      'report-generation',
    ]);
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, -5, 1e308])('a clock that says %d spoils no figure', (reading) => {
  const monitor = new PerformanceMonitor();
  record(monitor, 'c', [1]);
  monitor.start('outer');
  monitor.start('c');
  const sane = clock;
  clock = reading;
  expect(monitor.end('c')).toBe(0);
  expect(monitor.end('outer')).toBe(0);
  expect(monitor.generateReport().totalDuration).toBe(0);
  clock = sane;
  expect(monitor.getComponentTiming('c')).toMatchObject({ totalCalls: 2, totalDuration: 1, selfDuration: 1 });
  expect(JSON.stringify(monitor.generateReport())).not.toContain('null');
});

test('end without a name says which timer is missing', () => {
  const monitor = new PerformanceMonitor();
  expect(() => monitor.end(undefined as never)).toThrow('No active timer found for: undefined');
  monitor.start('running');
  expect(() => monitor.end(undefined as never)).toThrow('No active timer found for: undefined');
  expect(() => monitor.end(null as never)).toThrow('No active timer found for: null');
});
